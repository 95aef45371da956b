//! The jobs of uploads that were accepted.

use std::collections::BTreeMap;

use earmark_core::ConversationId;
use earmark_wire::{Job, JobId, JobStatus, UploadResult};

/// The most jobs that are remembered; the oldest is forgotten for a new one.
const JOBS_MAX: usize = 100_000;
/// The poll at which a job is completed.
const POLLS_UNTIL_COMPLETED: u32 = 2;
/// After how long a client is told to ask.
const POLL_AFTER_MS: u64 = 3_000;

#[derive(Debug)]
pub(super) struct Jobs {
    seed: u32,
    given: u64,
    places: BTreeMap<String, u64>,
    jobs: BTreeMap<u64, Progress>,
}

#[derive(Debug)]
struct Progress {
    id: JobId,
    polls: u32,
    result: UploadResult,
}

impl Jobs {
    pub(super) const fn new(seed: u32) -> Self {
        Self { seed, given: 0, places: BTreeMap::new(), jobs: BTreeMap::new() }
    }

    /// Opens a job under an id of its own, and gives what an accepted upload is told.
    pub(super) fn open(&mut self, files: usize, result: UploadResult) -> Job {
        let id = JobId::new(&format!("job-{:08x}-{}", self.seed, self.given + 1))
            .expect("letters, digits and hyphens");
        self.register(id.clone(), result);
        Job {
            total_files: u64::try_from(files).ok(),
            total_segments: Some(1),
            poll_after_ms: Some(POLL_AFTER_MS),
            ..Job::new(id, JobStatus::Queued)
        }
    }

    /// Remembers a job under the id that a script gave it.
    pub(super) fn register(&mut self, id: JobId, result: UploadResult) {
        if self.jobs.len() >= JOBS_MAX
            && let Some((_, oldest)) = self.jobs.pop_first()
        {
            self.places.remove(oldest.id.as_str());
        }
        self.given += 1;
        if let Some(former) = self.places.insert(String::from(id.as_str()), self.given) {
            self.jobs.remove(&former);
        }
        let polls = 0;
        self.jobs.insert(self.given, Progress { id, polls, result });
    }

    /// Forgets all jobs; their ids are not given again.
    pub(super) fn forget(&mut self) {
        self.places.clear();
        self.jobs.clear();
    }

    /// Counts a poll that a script answers.
    pub(super) fn count_poll(&mut self, id: &str) {
        if let Some(progress) = self.progress(id) {
            progress.polls = progress.polls.saturating_add(1);
        }
    }

    /// Where a job stands; `None` when there is no such job.
    pub(super) fn poll(&mut self, id: &str) -> Option<Job> {
        self.count_poll(id);
        let progress = self.progress(id)?;
        Some(if progress.polls < POLLS_UNTIL_COMPLETED {
            progress.processing()
        } else {
            progress.completed()
        })
    }

    /// The job in its completed state, whatever it has come to.
    pub(super) fn completed(&mut self, id: &str) -> Option<Job> {
        if let Some(progress) = self.progress(id) {
            return Some(progress.completed());
        }
        let id = JobId::new(id).ok()?;
        let result = UploadResult::default();
        Some(Progress { id, polls: 0, result }.completed())
    }

    fn progress(&mut self, id: &str) -> Option<&mut Progress> {
        self.jobs.get_mut(self.places.get(id)?)
    }
}

impl Progress {
    fn processing(&self) -> Job {
        Job {
            total_segments: Some(1),
            processed_segments: Some(0),
            successful_segments: Some(0),
            poll_after_ms: Some(POLL_AFTER_MS),
            ..Job::new(self.id.clone(), JobStatus::Processing)
        }
    }

    fn completed(&self) -> Job {
        Job {
            total_segments: Some(1),
            processed_segments: Some(1),
            successful_segments: Some(1),
            result: Some(self.result.clone()),
            ..Job::new(self.id.clone(), JobStatus::Completed)
        }
    }
}

/// What an upload to a conversation, or to none yet, comes to.
pub(super) fn result(target: Option<&str>, created: impl FnOnce() -> String) -> UploadResult {
    let id = |text: &str| ConversationId::new(text).ok().into_iter().collect();
    let mut result = UploadResult { total_segments: Some(1), ..UploadResult::default() };
    match target {
        Some(target) => result.updated = id(target),
        None => result.created = id(&created()),
    }
    result
}

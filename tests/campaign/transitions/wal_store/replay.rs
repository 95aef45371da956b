//! What was staged and what the disk did to it, as a feed.

use earmark_core::wal_store::DiskTask;
use earmark_sim::feed::DiskOp;

use super::World;

const FRAME_BYTES: usize = 80;

pub(super) fn replay(choices: &[u32]) -> String {
    let mut world = World::new(None);
    world.story.start();
    let why = world.live(choices).err().unwrap_or_default();
    world.story.at(world.now).stop();
    world.story.to_feed(&why)
}

impl World {
    /// Something is staged: a frame, and the seal of what was captured when it is urgent.
    pub(super) fn tell_staged(&mut self, urgent: bool) {
        self.story.at(self.now).burst(1, FRAME_BYTES);
        if urgent {
            self.story.finish();
        }
    }

    pub(super) fn tell_queued(&mut self, task: DiskTask) {
        let story = self.story.at(self.now);
        match task {
            DiskTask::Seal(_) => story.stop().start(),
            DiskTask::Remove(_) => story.delete_all(),
            DiskTask::Write
            | DiskTask::Sync
            | DiskTask::Replace
            | DiskTask::Refill
            | DiskTask::Snapshot
            | DiskTask::Prune => story,
        };
    }

    /// The next operation of the kind that a task rests on fails.
    pub(super) fn tell_fault(&mut self, task: DiskTask) {
        let op = match task {
            DiskTask::Write | DiskTask::Snapshot => DiskOp::Write,
            DiskTask::Sync => DiskOp::Sync,
            DiskTask::Replace | DiskTask::Refill => DiskOp::Create,
            DiskTask::Seal(_) => DiskOp::Rename,
            DiskTask::Remove(_) | DiskTask::Prune => DiskOp::Remove,
        };
        self.story.at(self.now).disk_fault(op);
    }
}

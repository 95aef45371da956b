//! The rows.

use super::{Answer, Behaviour, Class, Group, Meaning, When};

const RESULT: &str = r#"{"new_memories":[],"updated_memories":["c1"],"failed_segments":0}"#;
const PAGE: &str = "<html><body>Sign in to the Wi-Fi</body></html>";
const CUT_JSON: &str = r#"{"new_memories":[],"updated_memories":["#;
/// A hash that no recording has.
const FOREIGN_HASH: &str = "0000000000000000000000000000000000000000000000000000000000000000";
const UNREADABLE: &str = "the server's answer was unreadable";
const UNREADABLE_WORK: &str = "the server's answer about its work was unreadable";
const FOREIGN: &str = "the server answered about another recording";
const IN_WORK: &str = "the server works on it";
const NOT_USED: &str = "the server could not use it";
const GAVE_UP: &str = "the server gave up its work on it";
const NOT_FOLLOWED: &str = "the server pointed to another place, not followed";
const FAULT: &str = "the server has a fault of its own";
const FEWER: &str = "the server wants fewer requests";
const BROKE: &str = "the connection broke during the upload";
const LOST: &str = "the server's reply was lost";
const TOO_LARGE: &str = "the server's reply was too large to be read";
/// How often a question that is answered "in ten minutes" fits into the six hours of a job.
const ENDLESS: usize = 37;

const BACK_OFF: Class = Class::Waits(When::BackOff);

fn meaning(class: Class, words: &str) -> Meaning {
    Meaning { class, words: words.to_owned() }
}

/// What a status means, with its number behind the words.
fn numbered(class: Class, words: &str, status: u16) -> Meaning {
    Meaning { class, words: format!("{words} ({status})") }
}

/// An answer with this status: to a question about a job it is no answer, and the question is
/// asked again.
fn status(group: Group, name: &'static str, code: u16, class: Class, words: &str) -> Behaviour {
    let (to_upload, to_poll) = match code {
        200 => (numbered(class, words, code), meaning(BACK_OFF, UNREADABLE_WORK)),
        _ => {
            let silent = "the server did not say how its work goes";
            (numbered(class, words, code), numbered(BACK_OFF, silent, code))
        }
    };
    let answer = Answer { status: code, ..Answer::default() };
    let what = code.to_string();
    Behaviour { name, group, what, answer, job: None, to_upload, to_poll }
}

/// Something on the way, which is the same to a question.
fn fault(name: &'static str, fault: &'static str, words: &str, what: &str) -> Behaviour {
    let both = meaning(BACK_OFF, words);
    Behaviour {
        name,
        group: Group::Transport,
        what: what.to_owned(),
        answer: Answer { fault: Some(fault), ..Answer::default() },
        job: None,
        to_upload: both.clone(),
        to_poll: both,
    }
}

/// A job that is answered about like this.
fn job(name: &'static str, what: &str, body: &str, class: Class, words: &str) -> Behaviour {
    Behaviour {
        name,
        group: Group::Job,
        what: format!("202, then {what}"),
        answer: Answer { body: Some(body.to_owned()), ..Answer::default() },
        job: Some(1),
        to_upload: meaning(Class::Accepted, IN_WORK),
        to_poll: meaning(class, words),
    }
}

impl Behaviour {
    fn what(self, what: &str) -> Self {
        Self { what: what.to_owned(), ..self }
    }

    fn with(mut self, body: &str, what: &str) -> Self {
        self.answer.body = Some(body.to_owned());
        self.what(what)
    }

    fn kept(mut self, stored: bool) -> Self {
        self.answer.stored = Some(stored);
        self
    }

    fn header(mut self, name: &'static str, value: &str) -> Self {
        self.answer.headers.push((name, value.to_owned()));
        self
    }

    fn faulty(mut self, fault: &'static str) -> Self {
        self.answer.fault = Some(fault);
        self
    }

    fn asked(self, to_poll: Meaning) -> Self {
        Self { to_poll, ..self }
    }

    /// Whoever asks for a wait gets it, from an upload and from a question.
    fn told(mut self, retry_after: &str, seconds: u64) -> Self {
        let told = Class::Waits(When::Told(seconds));
        (self.to_upload.class, self.to_poll.class) = (told, told);
        self.header("retry-after", retry_after)
    }

    fn further(self) -> Self {
        Self { group: Group::Further, ..self }
    }
}

pub(super) fn all() -> Vec<Behaviour> {
    let silence =
        fault("silence", "hang", "the server stopped answering", "nothing comes for 30 s");
    let further = vec![silence.further()];
    let general = [done(), jobs(), refusals(), later(), elsewhere(), transport()];
    let parts = general.into_iter().chain([further, waits(), omi_waits(), omi(), omi_jobs()]);
    parts.flatten().collect()
}

fn done() -> Vec<Behaviour> {
    let unreadable = |name, code| status(Group::Done, name, code, Class::Spends, UNREADABLE);
    let doubtful = |name, what: &str, body: &str| {
        let row = status(Group::Doubtful, name, 200, Class::Spends, UNREADABLE);
        row.with(body, what).kept(false)
    };
    let foreign = |name, what: &str, file: &str| {
        let body = format!(r#"{{"new_memories":[],"updated_memories":["c1"],"files":[{file}]}}"#);
        let mut row = doubtful(name, what, &body);
        row.to_upload = numbered(Class::Spends, FOREIGN, 200);
        row
    };
    let hash = format!(r#"{{"sha256":"{FOREIGN_HASH}"}}"#);
    let lost = |name, fault_name, what: &str| {
        let row = fault(name, fault_name, LOST, what);
        Behaviour { group: Group::Doubtful, ..row }
    };
    let conflict = Class::Waits(When::Fixed(10));
    let mut result = unreadable("result", 200).with(RESULT, "200 with a result");
    result.to_upload = meaning(Class::Synced, "");
    vec![
        result,
        unreadable("created", 201).with(RESULT, "201 with a result"),
        unreadable("no-content", 204),
        doubtful("bare-200", "200 with nothing", ""),
        doubtful("portal", "200 with a page of HTML", PAGE),
        foreign("wrong-hash", "200 with a result that names another hash", &hash),
        status(
            Group::Doubtful,
            "conflict",
            409,
            conflict,
            "the server is busy with the same audio",
        )
        .asked(numbered(conflict, "the server is busy with the same audio", 409)),
        status(
            Group::Doubtful,
            "precondition",
            412,
            BACK_OFF,
            "the server refused it, perhaps not for good",
        ),
        lost("reply-lost", "reset_after", "it takes effect and its reply is lost"),
        lost("reply-cut", "truncate", "the reply ends early"),
        doubtful("cut-json", "200 with half a result", CUT_JSON),
        foreign(
            "other-recording",
            "200 with a result that names another file",
            r#"{"name":"audio_other_opus_16000_1_fs160_1775260800.bin"}"#,
        ),
    ]
}

fn jobs() -> Vec<Behaviour> {
    let running = r#"{"job_id":"job","status":"queued","poll_after_ms":600000}"#;
    let gone = |name, code: u16| {
        let words = format!("the server does not know its work on it any more ({code})");
        let again = Class::Again(When::BackOff);
        let row = job(name, &code.to_string(), "", again, &words);
        let answer = Answer { status: code, ..Answer::default() };
        Behaviour { answer, ..row }
    };
    let endless = job("job-endless", "queued, for ever", running, Class::Running(600), IN_WORK);
    vec![
        Behaviour { job: Some(ENDLESS), ..endless },
        job("job-done", "completed", r#"{"job_id":"job","status":"completed"}"#, Class::Synced, ""),
        job(
            "job-failed-content",
            "failed over the content",
            r#"{"job_id":"job","status":"failed","error":"could not decode the audio"}"#,
            Class::Spends,
            NOT_USED,
        ),
        job(
            "job-failed-server",
            "failed for another reason",
            r#"{"job_id":"job","status":"failed","error":"background worker likely died"}"#,
            Class::Again(When::BackOff),
            GAVE_UP,
        ),
        job(
            "job-partial",
            "partly failed",
            r#"{"job_id":"job","status":"partial_failure","failed_segments":2}"#,
            Class::Spends,
            "the server could not use 2 segments of it",
        ),
        gone("job-404", 404),
        gone("job-410", 410),
    ]
}

fn refusals() -> Vec<Behaviour> {
    let refusal = |name, code, words| status(Group::Final, name, code, Class::Final, words);
    vec![
        refusal("malformed", 400, "the server refused it as malformed"),
        refusal("payment", 402, "the server wants a payment first"),
        refusal("not-acceptable", 406, "the server cannot answer in a form that is understood"),
        refusal("length", 411, "the server wants a length that the request did not name"),
        refusal("too-large", 413, "the server finds it too large"),
        refusal("address-too-long", 414, "the server finds the request's address too long"),
        refusal("media-type", 415, "the server does not take this kind of audio"),
        refusal("unprocessable", 422, "the server will not take this recording"),
        refusal("headers-too-large", 431, "the server finds the request's headers too large"),
        refusal("legal", 451, "the server may not take it for legal reasons"),
    ]
}

fn later() -> Vec<Behaviour> {
    let later = |name, code, words| status(Group::Later, name, code, BACK_OFF, words);
    let sign_in = |name, code, words| {
        let row = status(Group::SignIn, name, code, Class::SignIn, words);
        row.asked(numbered(Class::SignIn, "the server wants a new sign-in", code))
    };
    let gone = |name, code, class, words| {
        let again = Class::Again(When::BackOff);
        let unknown = "the server does not know its work on it any more";
        status(Group::Gone, name, code, class, words).asked(numbered(again, unknown, code))
    };
    vec![
        later("request-timeout", 408, "the server waited too long for the upload"),
        later("too-early", 425, "the server wants it later"),
        later("too-many", 429, FEWER),
        later("internal", 500, FAULT),
        later("bad-gateway", 502, FAULT),
        later("unavailable", 503, FAULT),
        later("gateway-timeout", 504, FAULT),
        later("no-storage", 507, FAULT),
        sign_in("unauthorized", 401, "the server wants a new sign-in"),
        sign_in("forbidden", 403, "the server did not allow it"),
        gone("conversation-gone", 404, Class::Relink, "the server has no place for it")
            .what("404 that speaks of the conversation"),
        gone("address-gone", 410, BACK_OFF, "the server refused it, perhaps not for good"),
    ]
}

/// Where a redirect to somewhere else points; nobody must come there.
const ELSEWHERE: &str = "http://127.0.0.1:9/elsewhere";

fn elsewhere() -> Vec<Behaviour> {
    let redirect = |name, code: u16, what: &str| {
        let row = status(Group::Redirect, name, code, BACK_OFF, NOT_FOLLOWED);
        row.what(&format!("{code} {what}"))
    };
    let away = |name, code| redirect(name, code, "to another origin").header("location", ELSEWHERE);
    let tls = fault("tls", "tls", "the server could not prove who it is", "TLS fails");
    vec![
        away("moved", 301),
        away("found", 302),
        away("temporary", 307),
        redirect("redirect-loop", 307, "to itself, for ever").header("location", "?again=1"),
        Behaviour { group: Group::Redirect, ..tls },
    ]
}

fn transport() -> Vec<Behaviour> {
    let too_large = |name, fault_name, what: &str| {
        let mut row = fault(name, fault_name, TOO_LARGE, what);
        row.to_upload.class = Class::Spends;
        row.kept(false)
    };
    let early = "413 before the body was read";
    let early =
        status(Group::Transport, "early-reply", 413, Class::Final, "the server finds it too large")
            .what(early)
            .faulty("early");
    let job = r#"{"job_id":"job","status":"completed"}"#;
    let mut drip = status(Group::Transport, "slow-drip", 0, Class::Accepted, "")
        .with(job, "the answer drips for 40 s")
        .faulty("drip");
    drip.answer.delay = 40;
    (drip.to_upload.words, drip.to_poll) = (IN_WORK.to_owned(), meaning(Class::Synced, ""));
    vec![
        fault("dns", "dns", "the server's name was not found", "its name is not found"),
        fault("refused", "refuse", "the server refused the connection", "nobody listens"),
        fault(
            "connect-timeout",
            "connect_timeout",
            "the server did not take the connection in time",
            "the connection is not up within 15 s",
        ),
        // A question has no body: whatever breaks, it was sent.
        fault("reset-before", "reset_before", BROKE, "a reset before the body")
            .asked(meaning(BACK_OFF, LOST)),
        fault("reset-within", "reset_mid", BROKE, "a reset within the body")
            .asked(meaning(BACK_OFF, LOST)),
        fault("reset-after", "reset_after", LOST, "a reset after the body").kept(false),
        early,
        fault("stale", "close", LOST, "the connection is closed without a byte"),
        drip,
        too_large("huge-head", "huge_head", "the reply's head is larger than is read"),
        too_large("bomb", "huge", "the reply grows larger than is read")
            .header("content-encoding", "gzip"),
        fault("go-away", "go_away", LOST, "an end of HTTP/2 in the place of a reply"),
    ]
}

/// The server asks for a wait, in each form.
fn waits() -> Vec<Behaviour> {
    let too_many = |name| status(Group::Further, name, 429, BACK_OFF, FEWER);
    let asked = |name, value: &str, seconds, what: &str| {
        too_many(name).told(value, seconds).what(&format!("429, `Retry-After` {what}"))
    };
    let ignored = |name, value: &str, what: &str| {
        let row = too_many(name).header("retry-after", value);
        row.what(&format!("429, `Retry-After` {what}"))
    };
    vec![
        asked("retry-after-seconds", "45", 45, "in seconds"),
        asked("retry-after-date", "Sat, 04 Apr 2026 00:01:35 GMT", 90, "as a date")
            .header("date", "Sat, 04 Apr 2026 00:00:05 GMT"),
        asked("retry-after-huge", "99999999999999999999", 86_400, "of more than a day"),
        ignored("retry-after-zero", "0", "of nothing"),
        ignored("retry-after-negative", "-30", "below zero"),
        ignored("retry-after-words", "soon", "in words"),
        asked("fair-use", "1800", 1_800, "for fair use")
            .header("x-omi-rate-limit-reason", "fair_use"),
    ]
}

/// A refusal of Omi's servers with a code for programs.
fn coded(code: &str) -> String {
    format!(r#"{{"detail":{{"code":"{code}","message":"later"}}}}"#)
}

fn omi_waits() -> Vec<Behaviour> {
    let later = |name, code, words| status(Group::Further, name, code, BACK_OFF, words);
    vec![
        later("paced", 429, FEWER)
            .told("30", 30)
            .with(&coded("backfill_paced"), "429, one historical recording at a time"),
        later("budget", 429, FEWER).with(
            r#"{"dg_budget_exhausted":true,"skipped_segments":3}"#,
            "429 over a budget that is used up",
        ),
        later("cutover", 503, FAULT)
            .told("60", 60)
            .with(&coded("sync_ledger_fence_cutover"), "503 while the server changes over"),
        later("capacity", 503, FAULT)
            .told("3600", 3_600)
            .with(&coded("backfill_capacity"), "503 without capacity"),
        later("dispatch", 503, FAULT)
            .told("30", 30)
            .with(&coded("sync_dispatch_unavailable"), "503 without a worker"),
    ]
}

fn omi() -> Vec<Behaviour> {
    let no_path = |name, code, what: &str| {
        status(Group::Further, name, code, Class::UsesV1, "the server has no place for it")
            .what(what)
    };
    let unknown = "the server does not know its work on it any more";
    let partial = |name, code, class_words: &str, what: &str| {
        let body = r#"{"new_memories":[],"updated_memories":[],"failed_segments":1}"#;
        let mut row =
            status(Group::Further, name, code, Class::Spends, "").with(body, what).kept(false);
        row.to_upload.words = class_words.to_owned();
        row
    };
    let mut silence = status(Group::Further, "no-speech", 200, Class::Synced, "")
        .with(r#"{"new_memories":[],"updated_memories":[]}"#, "200 with an empty result");
    silence.to_upload.words = String::new();
    vec![
        status(
            Group::Further,
            "in-progress",
            409,
            BACK_OFF,
            "the server is busy with the same audio",
        )
        .asked(numbered(BACK_OFF, "the server is busy with the same audio", 409))
        .told("20", 20)
        .what("409 with `Retry-After`"),
        status(
            Group::Further,
            "too-old",
            422,
            Class::Final,
            "the server will not take this recording",
        )
        .with(&coded("backfill_lookback_exceeded"), "422, older than 30 days"),
        partial("multi-status", 207, "the server used only a part of it (207)", "207 from v1"),
        partial(
            "failed-segments",
            200,
            "the server could not use 1 segments of it",
            "200 with failed segments",
        ),
        silence,
        no_path("no-route", 404, "404 of a server without v2")
            .with(r#"{"detail":"Not Found"}"#, "404 of a server without v2")
            .asked(numbered(Class::Again(When::BackOff), unknown, 404)),
        no_path("no-method", 405, "405"),
    ]
}

fn omi_jobs() -> Vec<Behaviour> {
    let job_of =
        |result: &str| format!(r#"{{"job_id":"job","status":"completed","result":{result}}}"#);
    let hash = format!(r#"{{"sha256":"{FOREIGN_HASH}"}}"#);
    vec![
        job(
            "job-failed-segments",
            "completed with failed segments",
            r#"{"job_id":"job","status":"completed","failed_segments":1}"#,
            Class::Spends,
            "the server could not use 1 segments of it",
        )
        .further(),
        job(
            "job-hidden-failure",
            "completed, failed segments in its result",
            &job_of(r#"{"new_memories":[],"updated_memories":[],"failed_segments":3}"#),
            Class::Spends,
            "the server could not use 3 segments of it",
        )
        .further(),
        job(
            "job-busy",
            "failed with `retry_after`",
            r#"{"job_id":"job","status":"failed","error":"worker died","retry_after":40}"#,
            Class::Again(When::Told(40)),
            GAVE_UP,
        )
        .further(),
        job(
            "job-wrong-hash",
            "completed, its result names another hash",
            &job_of(&format!(r#"{{"new_memories":[],"updated_memories":[],"files":[{hash}]}}"#)),
            BACK_OFF,
            UNREADABLE_WORK,
        )
        .further(),
        job(
            "job-unknown-word",
            "a state that nobody knows",
            r#"{"job_id":"job","status":"dreaming","poll_after_ms":30000}"#,
            Class::Running(30),
            IN_WORK,
        )
        .further(),
    ]
}

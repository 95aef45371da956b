//! The table of `docs/http.md`.

use super::table::{Behaviour, Class, GENERAL, Meaning, When, all};

/// The head of the table.
const HEAD: &str = "\
| | behaviour | what comes | to an upload: class | costs | tried again | a person reads \
| to a question about a job: class | costs | tried again | a person reads |
|---|---|---|---|---|---|---|---|---|---|---|
";

/// The table as the page must show it.
pub fn table() -> String {
    let rows = all().iter().enumerate().map(|(index, one)| row(index, one));
    HEAD.chars().chain(rows.collect::<String>().chars()).collect()
}

fn row(index: usize, one: &Behaviour) -> String {
    let number = if index < GENERAL { (index + 1).to_string() } else { String::from("+") };
    let Behaviour { name, what, to_upload, to_poll, .. } = one;
    format!("| {number} | `{name}` | {what} | {} | {} |\n", cells(to_upload), cells(to_poll))
}

fn cells(Meaning { class, words }: &Meaning) -> String {
    let costs = if *class == Class::Spends { "one attempt of three" } else { "nothing" };
    let words = if words.is_empty() { "–" } else { words };
    format!("{} | {costs} | {} | {words}", name(*class), again(*class))
}

const fn name(class: Class) -> &'static str {
    match class {
        Class::Synced => "synced",
        Class::Accepted => "accepted",
        Class::Running(_) => "in work",
        Class::Spends => "spends",
        Class::Waits(_) => "waits",
        Class::Again(_) => "job lost: uploaded again",
        Class::Final => "failed for good",
        Class::SignIn => "sign in",
        Class::Relink => "once more without the conversation",
        Class::UsesV1 => "once more to v1",
    }
}

fn again(class: Class) -> String {
    match class {
        Class::Synced => String::from("never"),
        Class::Accepted => String::from("asked as told, else after 3 s"),
        Class::Running(seconds) => format!("asked after {seconds} s, as told, for 6 h"),
        Class::Spends => String::from("after 5 s, then 10 s; the third is the last"),
        Class::Waits(when) | Class::Again(when) => after(when),
        Class::Final => String::from("when a person asks"),
        Class::SignIn => String::from("once after a fresh token, then when a person signs in"),
        Class::Relink | Class::UsesV1 => String::from("at once; the second time after 1 h"),
    }
}

fn after(when: When) -> String {
    match when {
        When::BackOff => String::from("after 5 s, doubling to 15 min"),
        When::Fixed(seconds) => format!("after {seconds} s"),
        When::Told(seconds) => format!("after {seconds} s, as told"),
    }
}

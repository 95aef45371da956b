//! The configuration that `config init` writes: every key, with what it does and what counts
//! without it.

use super::key::{Key, Missing, Section, Shape};

/// How a line of the template is broken.
const COLUMNS_MAX: usize = 96;

/// The text of a configuration that is whole, and uploads a file to a server of one's own.
pub(crate) fn template() -> String {
    let mut text = String::from(
        "# A capture host: earmark run --config earmark.toml\n\
         # A key behind `#` shows what counts while it is left out. Relative paths begin at the\n\
         # folder of this file. A variable such as EARMARK_SERVER_URL or EARMARK_SOURCE_DESK_PATH\n\
         # overrides its key.\n",
    );
    for section in Section::ALL {
        text.push_str(&table(section));
    }
    text
}

fn table(section: Section) -> String {
    let mut text = match section {
        Section::Account => String::from("\n# One table for each account that has a token.\n"),
        Section::Source => String::from("\n# One table for each device.\n"),
        Section::Live => {
            String::from("\n# What the live sockets ask of the server in their query.\n")
        }
        Section::Server | Section::Store | Section::Status | Section::Log | Section::Host => {
            String::from("\n")
        }
    };
    let name = match section {
        Section::Account => "account.default",
        Section::Source => "source.desk",
        Section::Server
        | Section::Live
        | Section::Store
        | Section::Status
        | Section::Log
        | Section::Host => section.name(),
    };
    text.push_str(&format!("[{name}]\n"));
    for key in section.keys() {
        text.push_str(&comment(key.about));
        text.push_str(&line(key));
    }
    text
}

fn line(key: &Key) -> String {
    let example = match (key.section, key.name) {
        (Section::Server, "url") => Some("\"http://127.0.0.1:8080\""),
        (Section::Account, "token_env") => Some("\"EARMARK_TOKEN\""),
        (Section::Source, "kind") => Some("\"wav\""),
        (Section::Source, "path") => Some("\"speech.wav\""),
        _ => None,
    };
    if let Some(example) = example {
        return format!("{} = {example}\n", key.name);
    }
    let value = match key.missing {
        Missing::Text(text) => format!("{text:?}"),
        Missing::Whole(number) => number.to_string(),
        Missing::Flag(flag) => flag.to_string(),
        Missing::None | Missing::Refused => match key.shape {
            Shape::Command => String::from("[\"program\", \"argument\"]"),
            Shape::Flag => String::from("true"),
            Shape::Text | Shape::Path | Shape::Whole(..) | Shape::Bytes | Shape::OneOf(_) => {
                String::from("\"\"")
            }
        },
    };
    format!("# {} = {value}\n", key.name)
}

/// A sentence as a comment of lines that are not too long.
fn comment(about: &str) -> String {
    let (mut text, mut line) = (String::new(), String::from("#"));
    for word in about.split_whitespace() {
        if line.len() + 1 + word.len() > COLUMNS_MAX {
            text.push_str(&line);
            text.push('\n');
            line = String::from("#");
        }
        line.push(' ');
        line.push_str(word);
    }
    text.push_str(&line);
    text.push('\n');
    text
}

//! The values of a configuration, from its file and from the environment, each checked by its key.

use std::collections::{BTreeMap, BTreeSet};
use std::ffi::OsString;
use std::path::{Path, PathBuf};

use toml::Spanned;
use toml::de::{DeTable, DeValue};

use super::fault::{Fault, Place, Refused, unknown};
use super::key::{Key, Missing, Section};
use super::value::{self, Datum};

/// The most bytes that a configuration may have.
pub(crate) const CONFIG_BYTES_MAX: u64 = 1 << 20;
/// What every variable of ours begins with.
const PREFIX: &str = "EARMARK_";

/// The account of whoever names none. Variables alone may give it, without a table in the file.
const DEFAULT_ACCOUNT: &str = "default";

/// Where a value is: its section, the name within it, its key.
type Address = (Section, Option<String>, &'static str);

/// All values that were given.
#[derive(Debug)]
pub(crate) struct Settings {
    file: PathBuf,
    given: BTreeMap<Address, (Datum, Place)>,
    names: BTreeMap<(Section, String), Place>,
    /// What was given and refused: it is not missing as well.
    refused: BTreeSet<Address>,
    pub(crate) faults: Vec<Fault>,
}

impl Settings {
    /// Reads a file, then what variables override.
    pub(crate) fn read(
        file: &Path,
        text: &str,
        variables: impl IntoIterator<Item = (OsString, OsString)>,
    ) -> Result<Self, Refused> {
        let mut settings = Self {
            file: file.to_owned(),
            given: BTreeMap::new(),
            names: BTreeMap::new(),
            refused: BTreeSet::new(),
            faults: Vec::new(),
        };
        let document = DeTable::parse(text).map_err(|error| {
            let line = error.span().map_or(1, |span| line_of(text, span.start));
            Refused::one(Place::Line(file.to_owned(), line), error.message())
        })?;
        let lines = Lines { file, text };
        for (section, content) in document.get_ref() {
            settings.take_section(section, content, lines);
        }
        for (name, value) in variables {
            settings.take_variable(&name, &value);
        }
        Ok(settings)
    }

    fn refuse(&mut self, place: Place, what: impl Into<String>) {
        self.faults.push(Fault { place, what: what.into() });
    }

    fn take_section(
        &mut self,
        name: &Spanned<std::borrow::Cow<'_, str>>,
        content: &Spanned<DeValue<'_>>,
        lines: Lines<'_>,
    ) {
        let place = lines.place(name.span().start);
        let known = Section::ALL.into_iter().find(|one| one.name() == name.get_ref());
        let (Some(section), DeValue::Table(table)) = (known, content.get_ref()) else {
            let names = Section::ALL.map(Section::name);
            let what = match known {
                Some(section) => format!("`{}` is a section: write [{0}]", section.name()),
                None => unknown("section", name.get_ref(), &names),
            };
            return self.refuse(place, what);
        };
        if !section.has_names() {
            return self.take_keys(section, None, table, lines);
        }
        for (name, content) in table {
            let place = lines.place(name.span().start);
            let DeValue::Table(table) = content.get_ref() else {
                let what = format!("expected a table: [{}.{}]", section.name(), name.get_ref());
                self.refuse(place, what);
                continue;
            };
            let name = name.get_ref().clone().into_owned();
            self.names.insert((section, name.clone()), place);
            self.take_keys(section, Some(&name), table, lines);
        }
    }

    fn take_keys(
        &mut self,
        section: Section,
        name: Option<&str>,
        table: &DeTable<'_>,
        lines: Lines<'_>,
    ) {
        for (key, content) in table {
            let place = lines.place(key.span().start);
            let Some(known) = section.keys().find(|known| known.name == key.get_ref()) else {
                let names: Vec<&str> = section.keys().map(|key| key.name).collect();
                let kind = format!("key of [{}]", section.name());
                self.refuse(place, unknown(&kind, key.get_ref(), &names));
                continue;
            };
            let datum = value::of_file(content.get_ref(), known.shape);
            self.put(known, name, datum, place);
        }
    }

    fn put(&mut self, key: &Key, name: Option<&str>, datum: Result<Datum, String>, place: Place) {
        let address = (key.section, name.map(String::from), key.name);
        match datum {
            Ok(datum) => {
                self.given.insert(address, (datum, place));
            }
            Err(what) => {
                self.refused.insert(address);
                self.refuse(place, format!("{}: {what}", key.name));
            }
        }
    }

    /// Takes a variable that overrides a key. One that begins like a section of ours and names no
    /// key is refused; all others, tokens among them, are somebody else's.
    fn take_variable(&mut self, name: &OsString, value: &OsString) {
        let Some(given) = name.to_str().filter(|name| name.starts_with(PREFIX)) else {
            return;
        };
        let section = Section::ALL.into_iter().find(|section| {
            given[PREFIX.len()..].starts_with(&format!("{}_", spelt(section.name())))
        });
        let Some(section) = section else { return };
        let place = Place::Variable(given.to_owned());
        let known = self.variables(section);
        let Some((_, name, key)) = known.iter().find(|(variable, ..)| variable == given) else {
            let names: Vec<&str> = known.iter().map(|(variable, ..)| variable.as_str()).collect();
            return self.refuse(place, unknown("variable", given, &names));
        };
        let datum = match value.to_str() {
            Some(text) => value::of_variable(text, key.shape),
            None => Err(String::from("it is not UTF-8")),
        };
        if let Some(name) = name {
            self.names.entry((section, name.clone())).or_insert_with(|| place.clone());
        }
        self.put(key, name.as_deref(), datum, place);
    }

    /// The variables of a section, with what each overrides.
    fn variables(&self, section: Section) -> Vec<(String, Option<String>, &'static Key)> {
        let mut named = self.names_of(section);
        if section == Section::Account
            && !named.iter().any(|name| spelt(name) == spelt(DEFAULT_ACCOUNT))
        {
            named.push(DEFAULT_ACCOUNT.to_owned());
        }
        let names = named.into_iter().map(Some);
        let names: Vec<Option<String>> =
            if section.has_names() { names.collect() } else { vec![None] };
        let of = |name: &Option<String>, key: &'static Key| {
            (variable(key, name.as_deref()), name.clone(), key)
        };
        names.iter().flat_map(|name| section.keys().map(move |key| of(name, key))).collect()
    }

    /// The names within a section, such as those of the sources.
    pub(crate) fn names_of(&self, section: Section) -> Vec<String> {
        let own = self.names.keys().filter(|(of, _)| *of == section);
        own.map(|(_, name)| name.clone()).collect()
    }

    /// Where a name within a section, or one of its keys, stands.
    pub(crate) fn place(&self, section: Section, name: Option<&str>, key: &str) -> Place {
        let own = |(of, named, known): &&Address| {
            *of == section && named.as_deref() == name && *known == key
        };
        let found = self.given.iter().find(|(address, _)| own(address)).map(|(_, (_, at))| at);
        let table = name.and_then(|name| self.names.get(&(section, name.to_owned())));
        found.or(table).cloned().unwrap_or_else(|| Place::File(self.file.clone()))
    }

    /// The value of a key, or the one that counts when it is left out.
    pub(crate) fn get(&mut self, section: Section, name: Option<&str>, key: &str) -> Option<Datum> {
        let known = section.keys().find(|known| known.name == key);
        let known = known.expect("a key that is asked for is in the list");
        let address = (section, name.map(String::from), known.name);
        if let Some((datum, _)) = self.given.get(&address) {
            return Some(datum.clone());
        }
        if self.refused.contains(&address) {
            return None;
        }
        match known.missing {
            Missing::None => None,
            Missing::Flag(flag) => Some(Datum::Flag(flag)),
            Missing::Whole(number) => Some(Datum::Whole(number)),
            Missing::Text(text) => value::of_variable(text, known.shape).ok(),
            Missing::Refused => {
                let table = name.map_or_else(
                    || section.name().to_owned(),
                    |name| format!("{}.{name}", section.name()),
                );
                let place = self.place(section, name, key);
                self.refuse(place, format!("[{table}] has no `{key}`, which must be there"));
                None
            }
        }
    }

    /// Whether a key was given at all.
    pub(crate) fn is_given(&self, section: Section, name: Option<&str>, key: &str) -> bool {
        let own = |(of, named, known): &Address| {
            *of == section && named.as_deref() == name && *known == key
        };
        self.given.keys().any(own)
    }

    /// Which of two names of a section would have the same variables.
    pub(crate) fn refuse_same_spelling(&mut self, section: Section) {
        let mut seen = BTreeSet::new();
        for name in self.names_of(section) {
            if !seen.insert(spelt(&name)) {
                let place = self.place(section, Some(&name), "");
                let what = format!("{name:?} differs from another name by signs alone");
                self.refuse(place, what);
            }
        }
    }
}

/// The variable that overrides a key.
pub(crate) fn variable(key: &Key, name: Option<&str>) -> String {
    let name = name.map_or_else(String::new, |name| format!("{}_", spelt(name)));
    format!("{PREFIX}{}_{name}{}", spelt(key.section.name()), spelt(key.name))
}

/// A name as a part of a variable's: in capitals, with `_` for all but letters and digits.
fn spelt(name: &str) -> String {
    let spell = |letter: char| if letter.is_alphanumeric() { letter } else { '_' };
    name.chars().map(spell).collect::<String>().to_uppercase()
}

/// A text that is known by its lines.
#[derive(Clone, Copy)]
struct Lines<'a> {
    file: &'a Path,
    text: &'a str,
}

impl Lines<'_> {
    fn place(self, at: usize) -> Place {
        Place::Line(self.file.to_owned(), line_of(self.text, at))
    }
}

fn line_of(text: &str, at: usize) -> usize {
    let before = text.as_bytes().get(..at).unwrap_or_default();
    1 + before.iter().filter(|byte| **byte == b'\n').count()
}

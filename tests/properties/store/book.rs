//! What was staged and what is durable, as a list of entries.

use std::collections::BTreeMap;

use super::{Chore, Transition};

/// A recording, as far as its decisions go.
#[derive(Clone, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Facts {
    pub(crate) frames: u64,
    pub(crate) is_cut: bool,
    pub(crate) is_sealed: bool,
    pub(crate) conversation: Option<bool>,
    pub(crate) is_synced: bool,
    pub(crate) is_going: bool,
}

/// The recordings by the order in which they were opened.
pub(crate) type Page = BTreeMap<usize, Facts>;

/// What came of a transition.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Came {
    /// The store had nothing to do.
    Nothing,
    /// It was done.
    Done,
    /// It failed.
    Failed,
    /// The store decides by itself whether there is anything to do.
    Either,
}

impl Came {
    pub(crate) fn agrees(self, with: Self) -> bool {
        self == with || (self == Self::Either && with != Self::Failed)
    }
}

/// One line of the journal.
#[derive(Clone, Debug, PartialEq, Eq)]
enum Entry {
    /// A capture or a session, of which nothing is kept here.
    Prelude,
    Open(usize),
    Frame(usize),
    Cut(usize),
    Sealed(usize),
    Linked(usize, bool),
    Synced(usize),
    Removing(usize),
    Removed(usize),
}

/// The book of one possible store.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Book {
    /// What the store was opened with.
    start: Page,
    log: Vec<Entry>,
    /// How much of the log the operating system has, and how much no power cut takes.
    written: usize,
    durable: usize,
    /// Whether the journal's file takes nothing more.
    is_dead: bool,
    /// Whether a write failed of which something may have come through.
    is_torn: bool,
    /// Recordings so far.
    opened: usize,
}

impl Book {
    fn page(&self, entries: usize) -> Page {
        let mut page = self.start.clone();
        self.log[..entries].iter().for_each(|entry| fold(&mut page, entry));
        page
    }

    /// What is staged.
    pub(crate) fn now(&self) -> Page {
        self.page(self.log.len())
    }

    /// What of it is durable.
    pub(crate) fn then(&self) -> Page {
        self.page(self.durable)
    }

    /// The n-th of the recordings that are there.
    fn nth(&self, nth: u8) -> Option<usize> {
        let there: Vec<usize> = self.now().into_keys().collect();
        there.get(usize::from(nth) % there.len().max(1)).copied()
    }

    /// The books that there may be after a transition, each with what must have come of it.
    pub(crate) fn after(mut self, transition: &Transition) -> Vec<(Self, Came)> {
        let came = match transition {
            Transition::Kill if !self.is_torn => return self.reopened(self.written..=self.written),
            Transition::Kill => return self.reopened(self.written..=self.log.len()),
            Transition::PowerCut(_) => return self.reopened(self.durable..=self.log.len()),
            Transition::Open => {
                let number = self.opened;
                self.opened += 1;
                self.stage([Entry::Prelude, Entry::Prelude, Entry::Open(number)])
            }
            Transition::Frames(nth, count) => {
                let is_open = |one: &usize| !self.now()[one].is_cut;
                let one = self.nth(*nth).filter(is_open);
                let frames = one.map(|one| vec![Entry::Frame(one); usize::from(*count)]);
                self.stage_some(frames)
            }
            Transition::Cut(nth) => self.stage_one(*nth, Entry::Cut),
            Transition::Seal(nth, link) => self.seal(*nth, *link),
            Transition::Link(nth, to) => self.stage_one(*nth, |one| Entry::Linked(one, *to)),
            Transition::Synced(nth) => self.stage_one(*nth, Entry::Synced),
            // Nobody removes what is not sealed.
            Transition::Removing(nth) => {
                let one = self.nth(*nth).filter(|one| self.now()[one].is_sealed);
                self.stage_some(one.map(|one| vec![Entry::Removing(one)]))
            }
            Transition::Remove(nth) => self.remove(*nth),
            Transition::Work(chore) => self.work(*chore),
            Transition::Failing(chore, _) => self.fail(*chore),
        };
        vec![(self, came)]
    }

    fn stage(&mut self, entries: impl IntoIterator<Item = Entry>) -> Came {
        self.log.extend(entries);
        Came::Done
    }

    fn stage_some(&mut self, entries: Option<Vec<Entry>>) -> Came {
        entries.map_or(Came::Nothing, |entries| self.stage(entries))
    }

    fn stage_one(&mut self, nth: u8, entry: impl FnOnce(usize) -> Entry) -> Came {
        let one = self.nth(nth);
        self.stage_some(one.map(|one| vec![entry(one)]))
    }

    /// A file is written once all that it holds is durable.
    fn seal(&mut self, nth: u8, link: bool) -> Came {
        let Some(one) = self.nth(nth) else {
            return Came::Nothing;
        };
        let (now, then) = (self.now()[&one].clone(), self.then().get(&one).cloned());
        let is_ready = then.is_some_and(|then| then.is_cut && then.frames == now.frames);
        if !is_ready || now.is_sealed || now.is_going {
            return Came::Nothing;
        }
        let linked = link.then_some(Entry::Linked(one, false));
        self.stage([Entry::Sealed(one)].into_iter().chain(linked))
    }

    fn remove(&mut self, nth: u8) -> Came {
        let then = self.then();
        let is_going = |one: &usize| then.get(one).is_some_and(|facts| facts.is_going);
        let one = self.nth(nth).filter(is_going);
        self.stage_some(one.map(|one| vec![Entry::Removed(one)]))
    }

    fn work(&mut self, chore: Chore) -> Came {
        let all = self.log.len();
        match chore {
            Chore::Write if !self.is_dead && self.written < all => self.written = all,
            Chore::Sync if !self.is_dead && self.durable < self.written => {
                self.durable = self.written;
            }
            Chore::Replace if self.is_dead => {
                (self.is_dead, self.is_torn, self.written, self.durable) = (false, false, all, all);
            }
            Chore::Write | Chore::Sync | Chore::Replace => return Came::Nothing,
            Chore::Snapshot | Chore::Prune => return Came::Either,
        }
        Came::Done
    }

    fn fail(&mut self, chore: Chore) -> Came {
        let mut well = self.clone();
        if well.work(chore) != Came::Done {
            return Came::Nothing;
        }
        self.is_dead = true;
        self.is_torn |= chore != Chore::Sync;
        Came::Failed
    }

    /// The next process finds one of these prefixes, ends what it finds open, and makes all of that
    /// durable.
    fn reopened(&self, prefixes: std::ops::RangeInclusive<usize>) -> Vec<(Self, Came)> {
        let mut pages: Vec<Page> = prefixes.map(|count| recovered(self.page(count))).collect();
        pages.dedup();
        let opened = self.opened;
        let book = |start| Self { start, opened, ..Self::default() };
        pages.into_iter().map(|page| (book(page), Came::Done)).collect()
    }
}

/// What is open is cut behind its last frame; what is empty or was to go is gone.
fn recovered(mut page: Page) -> Page {
    page.retain(|_, facts| !facts.is_going && (facts.frames > 0 || facts.is_cut));
    page.values_mut().for_each(|facts| facts.is_cut = true);
    page
}

fn fold(page: &mut Page, entry: &Entry) {
    match entry {
        Entry::Prelude => {}
        Entry::Open(one) => {
            page.insert(*one, Facts::default());
        }
        Entry::Removed(one) => {
            page.remove(one);
        }
        Entry::Frame(one)
        | Entry::Cut(one)
        | Entry::Sealed(one)
        | Entry::Linked(one, _)
        | Entry::Synced(one)
        | Entry::Removing(one) => {
            if let Some(facts) = page.get_mut(one) {
                change(facts, entry);
            }
        }
    }
}

fn change(facts: &mut Facts, entry: &Entry) {
    match entry {
        Entry::Frame(_) => facts.frames += 1,
        Entry::Cut(_) => facts.is_cut = true,
        Entry::Sealed(_) => facts.is_sealed = true,
        // A link stays.
        Entry::Linked(_, to) => facts.conversation = facts.conversation.or(Some(*to)),
        Entry::Synced(_) => facts.is_synced = true,
        Entry::Removing(_) => facts.is_going = true,
        Entry::Prelude | Entry::Open(_) | Entry::Removed(_) => {}
    }
}

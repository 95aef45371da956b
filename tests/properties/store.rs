//! The store on its simulated disk, against a small book of what was staged and what is durable.
//!
//! A crash leaves one of several states, each a prefix of what was staged, and so the reference is
//! a list of possible books. After each transition those are left that agree with the store, and at
//! least one must.

mod book;
mod shop;

use earmark_store::{DiskError, DiskOp, Work};
use proptest::prelude::*;
use proptest_state_machine::{ReferenceStateMachine, StateMachineTest, prop_state_machine};

use book::{Book, Came};
use shop::Shop;

/// One thing that a host does with its store.
#[derive(Clone, Debug)]
pub(crate) enum Transition {
    /// A recording is opened, with a capture and a session of its own.
    Open,
    /// The n-th recording takes so many frames.
    Frames(u8, u8),
    /// It takes no more.
    Cut(u8),
    /// Its file is written, and its seal recorded by itself, or in a link.
    Seal(u8, bool),
    /// It is linked to one of two conversations.
    Link(u8, bool),
    /// The server has it.
    Synced(u8),
    /// It is to go.
    Removing(u8),
    /// Its file is removed.
    Remove(u8),
    /// Work that changes nothing of what is staged.
    Work(Chore),
    /// The same, on a disk that fails once.
    Failing(Chore, DiskOp),
    /// The process dies and the next one opens the store.
    Kill,
    /// The machine does, as the seed says.
    PowerCut(u64),
}

/// Work on the journal and beside it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Chore {
    Write,
    Sync,
    Replace,
    Snapshot,
    Prune,
}

impl Chore {
    pub(crate) const fn work(self) -> Work {
        match self {
            Self::Write => Work::Write,
            Self::Sync => Work::Sync,
            Self::Replace => Work::Replace,
            Self::Snapshot => Work::Snapshot,
            Self::Prune => Work::Prune,
        }
    }
}

/// All that the store may hold by now.
#[derive(Clone, Debug)]
pub(crate) struct Books(Vec<Book>);

impl Books {
    /// Applies a transition; what each book says must have come of it.
    fn apply(&mut self, transition: &Transition) -> Vec<Came> {
        let after = self.0.drain(..).flat_map(|book| book.after(transition)).collect::<Vec<_>>();
        let (books, came) = after.into_iter().unzip();
        self.0 = books;
        came
    }
}

impl ReferenceStateMachine for Books {
    type State = Self;
    type Transition = Transition;

    fn init_state() -> BoxedStrategy<Self> {
        Just(Self(vec![Book::default()])).boxed()
    }

    fn transitions(_: &Self) -> BoxedStrategy<Transition> {
        let journal = prop_oneof![Just(Chore::Write), Just(Chore::Sync), Just(Chore::Replace)];
        let chore = prop_oneof![
            4 => Just(Chore::Write), 4 => Just(Chore::Sync), 2 => Just(Chore::Replace),
            1 => Just(Chore::Snapshot), 1 => Just(Chore::Prune)
        ];
        let op = prop_oneof![Just(DiskOp::Write), Just(DiskOp::Sync)];
        let nth = any::<u8>;
        prop_oneof![
            3 => Just(Transition::Open),
            6 => (nth(), 1..40_u8).prop_map(|(nth, count)| Transition::Frames(nth, count)),
            3 => nth().prop_map(Transition::Cut),
            4 => (nth(), any::<bool>()).prop_map(|(nth, link)| Transition::Seal(nth, link)),
            2 => (nth(), any::<bool>()).prop_map(|(nth, to)| Transition::Link(nth, to)),
            1 => nth().prop_map(Transition::Synced),
            1 => nth().prop_map(Transition::Removing),
            2 => nth().prop_map(Transition::Remove),
            10 => chore.prop_map(Transition::Work),
            2 => (journal, op).prop_map(|(chore, op)| Transition::Failing(chore, op)),
            1 => Just(Transition::Kill),
            1 => any::<u64>().prop_map(Transition::PowerCut),
        ]
        .boxed()
    }

    fn apply(mut state: Self, transition: &Transition) -> Self {
        state.apply(transition);
        // Which of them it is will be seen; to go on, any will do.
        state.0.truncate(1);
        state
    }
}

/// The store, and the books that it agrees with.
struct Kept {
    shop: Shop,
    books: Books,
}

struct StoreTest;

impl StateMachineTest for StoreTest {
    type SystemUnderTest = Kept;
    type Reference = Books;

    fn init_test(books: &Books) -> Kept {
        Kept { shop: Shop::new(), books: books.clone() }
    }

    fn apply(mut kept: Kept, _: &Books, transition: Transition) -> Kept {
        let expected = kept.books.apply(&transition);
        let came = kept.shop.act(&transition);
        let found = kept.shop.found();
        let books = std::mem::take(&mut kept.books.0);
        let all = format!("{books:#?}");
        let agrees = |book: &Book, expected: Came| {
            expected.agrees(came) && book.now() == found.0 && book.then() == found.1
        };
        kept.books.0 = books
            .into_iter()
            .zip(expected)
            .filter(|(book, expected)| agrees(book, *expected))
            .map(|(book, _)| book)
            .collect();
        assert!(
            !kept.books.0.is_empty(),
            "{transition:?} came to {came:?} and left {found:#?}\nwhich none of these is: {all}"
        );
        kept
    }

    fn check_invariants(kept: &Kept, _: &Books) {
        kept.shop.files_are_true();
    }
}

prop_state_machine! {
    #![proptest_config(super::config())]

    #[test]
    fn the_store_keeps_what_the_book_says(sequential 1..60 => StoreTest);
}

const FAULT: DiskError = DiskError::Eio;

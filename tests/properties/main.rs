//! Random histories against references: the whole runtime, the store, and each machine.

mod runtime;

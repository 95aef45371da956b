//! Random histories against references: the whole runtime, the store, and each machine.

mod machines;
mod runtime;
mod store;

use proptest::prelude::ProptestConfig;

/// Histories of each test, unless `PROPTEST_CASES` says otherwise.
const CASES: u32 = 48;

fn config() -> ProptestConfig {
    let mut config = ProptestConfig::default();
    if std::env::var_os("PROPTEST_CASES").is_none() {
        config.cases = CASES;
    }
    config
}

//! A panic is an answer too.

use std::panic::{AssertUnwindSafe, catch_unwind};

/// Runs something; a panic in it is what went wrong.
pub(crate) fn caught<T>(run: impl FnOnce() -> Result<T, String>) -> Result<T, String> {
    catch_unwind(AssertUnwindSafe(run)).unwrap_or_else(|panic| {
        let text = panic.downcast_ref::<String>().map(String::as_str);
        let text = text.or_else(|| panic.downcast_ref::<&str>().copied());
        Err(text.map_or_else(|| String::from("it panicked"), |text| format!("it panicked: {text}")))
    })
}

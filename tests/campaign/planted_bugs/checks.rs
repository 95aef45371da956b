//! Checks that no engine makes: each tells a short story to the code that ships and looks at one
//! invariant.

mod account;
mod boundary;
mod files;
mod link;
mod stop;
mod suspend;
mod world;

/// A check; what does not hold, in words.
type Check = fn() -> Result<(), String>;

/// The checks by their names.
const CHECKS: [(&str, Check); 8] = [
    ("one-owner", files::one_owner),
    ("sandbox", files::sandbox),
    ("versions", files::versions),
    ("link-before-effect", link::link_before_effect),
    ("session-bounds", boundary::session_bounds),
    ("tenant-wall", account::tenant_wall),
    ("orderly-stop", stop::orderly_stop),
    ("suspend", suspend::suspend),
];

/// Makes the check of this name.
pub(super) fn run(name: &str) -> Result<(), String> {
    let check = CHECKS.iter().find(|(known, _)| *known == name);
    check.map_or_else(|| Err(format!("there is no check {name}")), |(_, check)| check())
}

/// Fails with words unless something holds.
fn ensure(holds: bool, why: impl FnOnce() -> String) -> Result<(), String> {
    if holds { Ok(()) } else { Err(why()) }
}

/// An error in words.
fn text(error: impl std::fmt::Display) -> String {
    error.to_string()
}

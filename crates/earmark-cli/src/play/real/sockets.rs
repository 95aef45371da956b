//! Which live sockets a feed has up.
//!
//! A socket that breaks comes up again by itself, as in everyday use, until the feed takes it down.
//! In a feed that is `socket.down`, and what drops sockets in simulated time too: a network that is
//! gone, and an account that is signed out. Nothing but `socket.up` brings those up again.

use std::collections::{BTreeMap, BTreeSet};

use earmark::{Account, Device, SourceHandle, TooMuchNews};

/// The sockets that are wanted, and what forbids them.
#[derive(Debug, Default)]
pub(super) struct Sockets {
    wanted: BTreeMap<(Device, Account), SourceHandle>,
    is_offline: bool,
    signed_out: BTreeSet<Account>,
}

impl Sockets {
    /// `socket.up`: a socket that waits for its next try is tried at once, and one that cannot come
    /// up is given up.
    pub(super) fn up(&mut self, handle: &SourceHandle, waits: bool) -> Result<(), TooMuchNews> {
        if waits {
            handle.live(false)?;
        }
        handle.live(true)?;
        if self.is_offline || self.signed_out.contains(handle.account()) {
            return handle.live(false);
        }
        let key = (handle.device().clone(), handle.account().clone());
        self.wanted.insert(key, handle.clone());
        Ok(())
    }

    /// `socket.down`.
    pub(super) fn down(&mut self, handle: &SourceHandle) -> Result<(), TooMuchNews> {
        self.wanted.remove(&(handle.device().clone(), handle.account().clone()));
        handle.live(false)
    }

    /// The network went, or is there again.
    pub(super) fn set_offline(&mut self, is_offline: bool) -> Result<(), TooMuchNews> {
        self.is_offline = is_offline;
        if is_offline { self.drop_all(|_| true) } else { Ok(()) }
    }

    /// An account was signed out, or in.
    pub(super) fn set_signed_out(
        &mut self,
        account: &Account,
        is_signed_out: bool,
    ) -> Result<(), TooMuchNews> {
        if !is_signed_out {
            self.signed_out.remove(account);
            return Ok(());
        }
        self.signed_out.insert(account.clone());
        self.drop_all(|one| one == account)
    }

    fn drop_all(&mut self, of: impl Fn(&Account) -> bool) -> Result<(), TooMuchNews> {
        let mut dropped = Ok(());
        self.wanted.retain(|(_, account), handle| {
            let goes = of(account);
            if goes {
                dropped = dropped.and(handle.live(false));
            }
            !goes
        });
        dropped
    }
}

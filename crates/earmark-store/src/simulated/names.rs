//! The names on the disk: those a process sees, those that are synced, and the changes between
//! them.

use std::collections::BTreeMap;
use std::io;
use std::sync::{Arc, Mutex};

use super::fate::Fate;
use super::inode::Inode;
use super::lock;
use crate::disk::{DirEntry, split};

pub(super) type File = Arc<Mutex<Inode>>;

#[derive(Clone)]
enum Node {
    Dir,
    File(File),
}

/// A change of names that is not synced.
#[derive(Clone)]
enum Change {
    Link { path: String, node: Node },
    Unlink { path: String },
    Rename { from: String, to: String, node: Node },
}

impl Change {
    /// The folders whose syncs it still needs.
    fn dirs(&self) -> Vec<&str> {
        match self {
            Self::Link { path, .. } | Self::Unlink { path } => vec![dir_of(path)],
            Self::Rename { from, to, .. } => vec![dir_of(from), dir_of(to)],
        }
    }

    fn happen(&self, names: &mut BTreeMap<String, Node>) {
        match self {
            Self::Link { path, node } => {
                names.insert(path.clone(), node.clone());
            }
            Self::Unlink { path } => {
                names.remove(path);
            }
            Self::Rename { from, to, node } => {
                names.remove(from);
                names.insert(to.clone(), node.clone());
            }
        }
    }
}

#[derive(Clone, Default)]
pub(super) struct Names {
    seen: BTreeMap<String, Node>,
    synced: BTreeMap<String, Node>,
    /// Oldest first, each with the folders that were synced since.
    changes: Vec<(Change, Vec<String>)>,
}

impl Names {
    pub(super) fn file(&self, path: &str) -> Option<File> {
        match self.seen.get(path)? {
            Node::File(file) => Some(Arc::clone(file)),
            Node::Dir => None,
        }
    }

    pub(super) fn create(&mut self, path: &str, file: File) -> io::Result<()> {
        self.folder(dir_of(path))?;
        if self.seen.contains_key(path) {
            return Err(io::ErrorKind::AlreadyExists.into());
        }
        self.change(Change::Link { path: path.to_owned(), node: Node::File(file) });
        Ok(())
    }

    /// Whether the folder is new.
    pub(super) fn create_dir(&mut self, path: &str, full: bool) -> io::Result<bool> {
        match self.seen.get(path) {
            Some(Node::Dir) => Ok(false),
            Some(Node::File(_)) => Err(io::ErrorKind::AlreadyExists.into()),
            None if full => Err(super::DiskError::Enospc.to_io()),
            None => {
                self.change(Change::Link { path: path.to_owned(), node: Node::Dir });
                Ok(true)
            }
        }
    }

    pub(super) fn remove(&mut self, path: &str) -> io::Result<()> {
        self.file(path).ok_or(io::ErrorKind::NotFound)?;
        self.change(Change::Unlink { path: path.to_owned() });
        Ok(())
    }

    pub(super) fn rename(&mut self, from: &str, to: &str) -> io::Result<()> {
        let file = self.file(from).ok_or(io::ErrorKind::NotFound)?;
        self.folder(dir_of(to))?;
        let (from, to) = (from.to_owned(), to.to_owned());
        self.change(Change::Rename { from, to, node: Node::File(file) });
        Ok(())
    }

    fn change(&mut self, change: Change) {
        change.happen(&mut self.seen);
        self.changes.push((change, Vec::new()));
    }

    fn folder(&self, dir: &str) -> io::Result<()> {
        match self.seen.get(dir) {
            Some(Node::Dir) => Ok(()),
            _ if dir.is_empty() => Ok(()),
            Some(Node::File(_)) => Err(io::ErrorKind::NotADirectory.into()),
            None => Err(io::ErrorKind::NotFound.into()),
        }
    }

    pub(super) fn list(&self, dir: &str) -> io::Result<Vec<DirEntry>> {
        self.folder(dir)?;
        let within = self.seen.iter().filter(|(path, _)| dir_of(path) == dir && !path.is_empty());
        let entry = |(path, node): (&String, &Node)| DirEntry {
            name: path.rsplit('/').next().unwrap_or(path).to_owned(),
            is_dir: matches!(node, Node::Dir),
        };
        Ok(within.map(entry).collect())
    }

    /// A folder's names are durable, in the order in which they changed.
    pub(super) fn sync(&mut self, dir: &str) -> io::Result<()> {
        self.folder(dir)?;
        let mut kept = Vec::new();
        for (change, mut synced) in std::mem::take(&mut self.changes) {
            if change.dirs().contains(&dir) {
                synced.push(dir.to_owned());
            }
            if change.dirs().iter().all(|dir| synced.iter().any(|done| done == dir)) {
                change.happen(&mut self.synced);
            } else {
                kept.push((change, synced));
            }
        }
        self.changes = kept;
        Ok(())
    }

    /// The names that a power cut leaves: those that are synced, and of the rest what fate says.
    pub(super) fn after_cut(&self, fate: &mut dyn Fate) -> Self {
        let mut synced = self.synced.clone();
        for (change, _) in &self.changes {
            if fate.keeps_name() {
                change.happen(&mut synced);
            }
        }
        // A file in a folder that was lost is lost with it.
        let dirs: Vec<String> = synced
            .iter()
            .filter(|(_, node)| matches!(node, Node::Dir))
            .map(|(path, _)| path.clone())
            .collect();
        let reachable =
            |path: &str| dir_of(path).is_empty() || dirs.iter().any(|dir| dir == dir_of(path));
        synced.retain(|path, _| reachable(path));
        for node in synced.values_mut() {
            if let Node::File(file) = node {
                let left = lock(file).after_cut(fate);
                *file = left.shared();
            }
        }
        Self { seen: synced.clone(), synced, changes: Vec::new() }
    }

    /// The same names and contents, in files of their own, and those files by number.
    pub(super) fn copy(&self) -> (Self, BTreeMap<u64, File>) {
        let mut files = BTreeMap::new();
        let mut node = |node: &Node| match node {
            Node::Dir => Node::Dir,
            Node::File(file) => {
                let inode = lock(file);
                let copy = files.entry(inode.id()).or_insert_with(|| inode.clone().shared());
                Node::File(Arc::clone(copy))
            }
        };
        let changes = self.changes.iter().map(|(change, synced)| {
            let change = match change {
                Change::Link { path, node: file } => {
                    Change::Link { path: path.clone(), node: node(file) }
                }
                Change::Unlink { path } => Change::Unlink { path: path.clone() },
                Change::Rename { from, to, node: file } => {
                    let (from, to) = (from.clone(), to.clone());
                    Change::Rename { from, to, node: node(file) }
                }
            };
            (change, synced.clone())
        });
        let changes = changes.collect();
        let mut map = |names: &BTreeMap<String, Node>| {
            names.iter().map(|(path, one)| (path.clone(), node(one))).collect()
        };
        let (seen, synced) = (map(&self.seen), map(&self.synced));
        (Self { seen, synced, changes }, files)
    }

    pub(super) fn forget(&mut self, path: &str) -> bool {
        self.synced.remove(path);
        self.changes.retain(|(change, _)| match change {
            Change::Link { path: linked, .. } => linked != path,
            Change::Rename { to, .. } => to != path,
            Change::Unlink { .. } => true,
        });
        self.seen.remove(path).is_some()
    }

    pub(super) fn plant(&mut self, path: &str, file: File) {
        let dir = dir_of(path);
        for names in [&mut self.seen, &mut self.synced] {
            if !dir.is_empty() {
                names.entry(dir.to_owned()).or_insert(Node::Dir);
            }
            names.insert(path.to_owned(), Node::File(Arc::clone(&file)));
        }
    }

    pub(super) fn paths(&self) -> Vec<String> {
        let files = self.seen.iter().filter(|(_, node)| matches!(node, Node::File(_)));
        files.map(|(path, _)| path.clone()).collect()
    }

    pub(super) fn bytes_seen(&self) -> u64 {
        self.seen.values().map(len).sum()
    }

    pub(super) fn bytes_held(&self) -> u64 {
        let synced = self.synced.iter().filter(|(path, _)| !self.seen.contains_key(*path));
        self.bytes_seen() + synced.map(|(_, node)| len(node)).sum::<u64>()
    }
}

fn len(node: &Node) -> u64 {
    match node {
        Node::Dir => 0,
        Node::File(file) => lock(file).len(),
    }
}

fn dir_of(path: &str) -> &str {
    split(path).map_or("", |(dir, _)| dir)
}

//! Why a segment cannot be used: one kind for each, and a sentence that says what to do.

use std::fmt;

/// What is wrong with a segment.
#[derive(Copy, Clone, PartialEq, Eq, Hash, Debug)]
#[non_exhaustive]
pub enum SegmentFault {
    /// The name is none that a file can have.
    BadName,
    /// Out of range.
    BadSize,
    /// The folder above it does not exist.
    FolderMissing,
    /// Something else is in its place.
    FolderIsNoFolder,
    /// It belongs to somebody else.
    FolderOwner,
    /// Others may enter it.
    FolderMode,
    /// The system refused it.
    FolderUnusable,
    /// Something else is in its place.
    FileIsNoFile,
    /// It belongs to somebody else.
    FileOwner,
    /// Others may open it.
    FileMode,
    /// It was cut or extended.
    FileSize,
    /// It is no segment.
    Magic,
    /// Its header names another layout than its name.
    Version,
    /// It was laid out by a build that counts differently.
    Layout,
    /// It is from before the last start of the machine.
    Boot,
    /// Its clock is another one.
    TimeNamespace,
    /// The file system is full.
    NoSpace,
    /// The file system is read-only.
    ReadOnly,
    /// The system refused it.
    FileUnusable,
    /// All slots for processes are taken.
    Crowded,
    /// No room for another cell.
    Full,
    /// Its content makes no sense.
    Damaged,
    /// Others changed the same entry at every try.
    Contended,
    /// The system lacks what a segment needs.
    Unsupported,
}

/// Why a segment cannot be used, and where it is.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct SegmentError {
    /// The kind.
    pub fault: SegmentFault,
    /// The folder or file.
    pub path: String,
    /// What was found, or what the system said.
    pub detail: String,
}

impl SegmentError {
    pub(crate) fn new(fault: SegmentFault, path: impl Into<String>, detail: impl fmt::Display) -> SegmentError {
        SegmentError { fault, path: path.into(), detail: detail.to_string() }
    }

    pub(crate) fn damaged(detail: &'static str) -> SegmentError {
        SegmentError::new(SegmentFault::Damaged, "", detail)
    }
}

impl SegmentFault {
    /// What happened and what to do about it.
    pub const fn sentence(self) -> &'static str {
        match self {
            SegmentFault::BadName => {
                "the segment's name is not usable: use 1 to 64 letters, digits, `-`, `_` and `.`, not beginning with `.`"
            }
            SegmentFault::BadSize => "the segment's size is out of range: use 64 KiB to 512 MiB",
            SegmentFault::FolderMissing => {
                "the folder above the segment's does not exist: create it, or name another with `host.dir`"
            }
            SegmentFault::FolderIsNoFolder => {
                "the segment's folder is something else, perhaps a symbolic link: remove it, or name another with `host.dir`"
            }
            SegmentFault::FolderOwner => {
                "the segment's folder belongs to somebody else: remove it, or name another with `host.dir`"
            }
            SegmentFault::FolderMode => "the segment's folder is open to others: `chmod 0700` it (0770 for a group's)",
            SegmentFault::FolderUnusable => "the segment's folder cannot be used",
            SegmentFault::FileIsNoFile => "the segment's file is something else, perhaps a symbolic link: remove it",
            SegmentFault::FileOwner => "the segment's file belongs to somebody else: remove it, or use another name",
            SegmentFault::FileMode => "the segment's file is open to others: remove it, no process uses it as it is",
            SegmentFault::FileSize => "the segment's file was cut or extended: remove it",
            SegmentFault::Magic => "the file is no segment of Seawall: remove it, or use another name",
            SegmentFault::Version => "the file's header names another layout than its name: remove it",
            SegmentFault::Layout => "the file was laid out by a build that counts differently: remove it",
            SegmentFault::Boot => "the file is from before the last start of this machine: remove it",
            SegmentFault::TimeNamespace => {
                "the file belongs to another time namespace, whose clock differs: give each namespace its own folder"
            }
            SegmentFault::NoSpace => "no room for the segment: make the file system larger or `host.size` smaller",
            SegmentFault::ReadOnly => "the file system is read-only: name another folder with `host.dir`",
            SegmentFault::FileUnusable => "the segment's file cannot be used",
            SegmentFault::Crowded => "256 processes are attached already: use another segment (`host.name`) for some",
            SegmentFault::Full => {
                "the segment is full: set a larger `host.size` and remove the file when no process uses it"
            }
            SegmentFault::Damaged => "the segment's content makes no sense: remove the file",
            SegmentFault::Contended => "the segment's directory changed at every try",
            SegmentFault::Unsupported => "this system lacks what a segment needs",
        }
    }
}

impl fmt::Display for SegmentError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.fault.sentence())?;
        match (self.path.as_str(), self.detail.as_str()) {
            ("", "") => Ok(()),
            ("", detail) => write!(f, " ({detail})"),
            (path, "") => write!(f, " ({path})"),
            (path, detail) => write!(f, " ({path}: {detail})"),
        }
    }
}

impl std::error::Error for SegmentError {}

//! The segment's file: found and checked, or made. Nothing in it is believed before it is checked.

use super::error::{SegmentError, SegmentFault as Fault};
use super::here::Here;
use super::layout::{self, HEADER_WORDS, MAGIC, VERSION, header};
use super::map::Map;
use rustix::fd::OwnedFd;
use rustix::fs::{AtFlags, CWD, Dir, FileType, Gid, Mode, OFlags, RenameFlags, Stat};
use rustix::io::Errno;
use std::path::{Path, PathBuf};

/// Where a segment is and who may use it.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct SegmentOptions {
    /// The folder; by default one of the user's own under `/dev/shm`.
    pub dir: Option<PathBuf>,
    /// The file's name without its version.
    pub name: String,
    /// The size of a new file in bytes; one that exists keeps its own.
    pub bytes: u64,
    /// A group whose members share the segment; by default the user alone.
    pub group: Option<u32>,
    /// Whether keys are written as text, for the control room to show, and not only as hashes.
    pub show_keys: bool,
}

impl Default for SegmentOptions {
    fn default() -> Self {
        SegmentOptions {
            dir: None,
            name: "default".to_owned(),
            bytes: layout::DEFAULT_BYTES,
            group: None,
            show_keys: false,
        }
    }
}

/// A file that passed every check, mapped.
pub(crate) struct File {
    pub map: Map,
    pub descriptor: OwnedFd,
    pub path: PathBuf,
    pub bytes: u64,
    /// Of the hashes of names and keys, as it was when the file was checked.
    pub seed: u64,
    /// Device and inode.
    identity: (u64, u64),
    /// Files of other versions beside it.
    pub others: Vec<String>,
}

type Result<T> = std::result::Result<T, SegmentError>;

impl SegmentOptions {
    /// The folder that is used.
    pub fn folder(&self) -> PathBuf {
        match (&self.dir, self.group) {
            (Some(dir), _) => dir.clone(),
            (None, Some(group)) => format!("/dev/shm/seawall-g{group}").into(),
            (None, None) => format!("/dev/shm/seawall-{}", user()).into(),
        }
    }

    /// The file that is used.
    pub fn path(&self) -> PathBuf {
        self.folder().join(self.file_name())
    }

    fn file_name(&self) -> String {
        format!("{}.{VERSION}", self.name)
    }

    fn modes(&self) -> (u32, u32) {
        if self.group.is_some() { (0o770, 0o660) } else { (0o700, 0o600) }
    }

    /// What is wrong with the name, if anything is.
    pub(crate) fn check_name(&self) -> std::result::Result<(), String> {
        let plain = |c: char| c.is_ascii_alphanumeric() || "-_.".contains(c);
        let name = &self.name;
        if !(1..=64).contains(&name.len()) || name.starts_with('.') || !name.chars().all(plain) {
            return Err(format!("{name:?} is no name of a segment: 1 to 64 letters, digits, `-`, `_` and `.`"));
        }
        Ok(())
    }

    fn check(&self) -> Result<()> {
        self.check_name().map_err(|_| SegmentError::new(Fault::BadName, "", format!("{:?}", self.name)))
    }
}

/// Opens the segment, or makes it if there is none.
pub(crate) fn open_or_make(options: &SegmentOptions) -> Result<File> {
    options.check()?;
    let bytes =
        layout::whole_size(options.bytes).ok_or_else(|| SegmentError::new(Fault::BadSize, "", options.bytes))?;
    let folder = own_folder(options)?;
    loop {
        match open(options, &folder, true, false) {
            Ok(Some(file)) => return Ok(file),
            Ok(None) => make(options, &folder, bytes)?,
            Err(error) => return Err(error),
        }
    }
}

/// Opens a segment to look at it; `None` if there is none. Nothing is created or changed.
pub(crate) fn open_to_read(options: &SegmentOptions) -> Result<Option<File>> {
    open_existing(options, false)
}

/// The same, to write to it too. Root may do so whoever owns it.
pub(crate) fn open_existing(options: &SegmentOptions, writable: bool) -> Result<Option<File>> {
    options.check()?;
    let anybodys = user() == 0;
    match open_folder(&options.folder())? {
        Some(folder) => {
            check_folder(options, &folder, anybodys)?;
            open(options, &folder, writable, anybodys)
        }
        None => Ok(None),
    }
}

impl File {
    /// Whether the path still names the file that is mapped, whole.
    pub(crate) fn is_in_place(&self) -> bool {
        rustix::fs::statat(CWD, &self.path, AtFlags::SYMLINK_NOFOLLOW)
            .is_ok_and(|stat| identity(&stat) == self.identity && stat.st_size as u64 == self.bytes)
    }

    /// A further open file description of the same file, for a lock of its own.
    pub(crate) fn reopen(&self) -> Result<OwnedFd> {
        use std::os::fd::AsRawFd;
        let flags = OFlags::RDWR | OFlags::CLOEXEC | OFlags::NONBLOCK | OFlags::NOCTTY;
        let same = |file: &OwnedFd| rustix::fs::fstat(file).is_ok_and(|stat| identity(&stat) == self.identity);
        let by_path = rustix::fs::open(&self.path, flags | OFlags::NOFOLLOW, Mode::empty());
        if let Some(file) = by_path.ok().filter(same) {
            return Ok(file);
        }
        // Its name may be gone; the file is not.
        let by_number = format!("/proc/self/fd/{}", self.descriptor.as_raw_fd());
        match rustix::fs::open(by_number, flags, Mode::empty()) {
            Ok(file) if same(&file) => Ok(file),
            Ok(_) => Err(self.error(Fault::FileUnusable, "its descriptor names another file")),
            Err(error) => Err(self.error(Fault::FileUnusable, error)),
        }
    }

    pub(crate) fn error(&self, fault: Fault, detail: impl std::fmt::Display) -> SegmentError {
        SegmentError::new(fault, self.path.to_string_lossy(), detail)
    }
}

fn identity(stat: &Stat) -> (u64, u64) {
    (stat.st_dev, stat.st_ino)
}

pub(crate) fn user() -> u32 {
    rustix::process::geteuid().as_raw()
}

// ---- the folder ----

const FOLDER_FLAGS: OFlags = OFlags::RDONLY.union(OFlags::DIRECTORY).union(OFlags::NOFOLLOW).union(OFlags::CLOEXEC);

fn open_folder(path: &Path) -> Result<Option<OwnedFd>> {
    let error = |fault, detail: Errno| Err(SegmentError::new(fault, path.to_string_lossy(), detail));
    match rustix::fs::open(path, FOLDER_FLAGS, Mode::empty()) {
        Ok(folder) => Ok(Some(folder)),
        Err(Errno::NOENT) => Ok(None),
        Err(detail @ (Errno::NOTDIR | Errno::LOOP)) => error(Fault::FolderIsNoFolder, detail),
        Err(detail) => error(Fault::FolderUnusable, detail),
    }
}

/// The folder, made where it is not there, and checked.
fn own_folder(options: &SegmentOptions) -> Result<OwnedFd> {
    let path = options.folder();
    let error = |fault, detail: Errno| Err(SegmentError::new(fault, path.to_string_lossy(), detail));
    if let Some(folder) = open_folder(&path)? {
        // A process that was killed between making the folder and widening it for its group.
        widen(options, &folder);
        check_folder(options, &folder, false)?;
        return Ok(folder);
    }
    match rustix::fs::mkdir(&path, Mode::from_raw_mode(0o700)) {
        Ok(()) | Err(Errno::EXIST) => {}
        Err(Errno::NOENT) => return error(Fault::FolderMissing, Errno::NOENT),
        Err(Errno::ROFS) => return error(Fault::ReadOnly, Errno::ROFS),
        Err(detail @ (Errno::NOSPC | Errno::DQUOT)) => return error(Fault::NoSpace, detail),
        Err(detail) => return error(Fault::FolderUnusable, detail),
    }
    let Some(folder) = open_folder(&path)? else { return error(Fault::FolderUnusable, Errno::NOENT) };
    widen(options, &folder);
    check_folder(options, &folder, false)?;
    Ok(folder)
}

/// Gives a folder of ours that nobody else may enter to the group that was asked for.
fn widen(options: &SegmentOptions, folder: &OwnedFd) {
    let (Some(group), Ok(stat)) = (options.group, rustix::fs::fstat(folder)) else { return };
    if stat.st_uid == user() && stat.st_mode & 0o777 == 0o700 {
        // What did not work is found by the check that follows.
        let _ = rustix::fs::fchown(folder, None, Some(Gid::from_raw(group)));
        let _ = rustix::fs::fchmod(folder, Mode::from_raw_mode(0o770));
    }
}

fn check_folder(options: &SegmentOptions, folder: &OwnedFd, anybodys: bool) -> Result<()> {
    let path = options.folder();
    let error = |fault, detail: String| Err(SegmentError::new(fault, path.to_string_lossy(), detail));
    let stat = match rustix::fs::fstat(folder) {
        Ok(stat) => stat,
        Err(detail) => return error(Fault::FolderUnusable, detail.to_string()),
    };
    let (mode, _) = options.modes();
    owner_is_right(options, &stat, anybodys).or_else(|who| error(Fault::FolderOwner, who))?;
    if stat.st_mode & 0o777 & !mode != 0 {
        return error(Fault::FolderMode, format!("mode {:o}", stat.st_mode & 0o7777));
    }
    Ok(())
}

/// The user's own, or of the group asked for.
fn owner_is_right(options: &SegmentOptions, stat: &Stat, anybodys: bool) -> std::result::Result<(), String> {
    match options.group {
        _ if anybodys => Ok(()),
        None if stat.st_uid == user() => Ok(()),
        Some(group) if stat.st_gid == group => Ok(()),
        None => Err(format!("owner {}, we are {}", stat.st_uid, user())),
        Some(group) => Err(format!("group {}, asked for is {group}", stat.st_gid)),
    }
}

// ---- the file ----

fn open(options: &SegmentOptions, folder: &OwnedFd, writable: bool, anybodys: bool) -> Result<Option<File>> {
    let path = options.path();
    let error = |fault, detail: String| SegmentError::new(fault, path.to_string_lossy(), detail);
    let access = if writable { OFlags::RDWR } else { OFlags::RDONLY };
    // Not to be held up by a pipe that somebody put there.
    let flags = access | OFlags::NOFOLLOW | OFlags::CLOEXEC | OFlags::NONBLOCK | OFlags::NOCTTY;
    let descriptor = match rustix::fs::openat(folder, options.file_name(), flags, Mode::empty()) {
        Ok(descriptor) => descriptor,
        Err(Errno::NOENT) => return Ok(None),
        Err(detail @ (Errno::LOOP | Errno::ISDIR | Errno::NXIO)) => {
            return Err(error(Fault::FileIsNoFile, detail.to_string()));
        }
        Err(detail @ (Errno::ACCESS | Errno::PERM)) => return Err(error(Fault::FileOwner, detail.to_string())),
        Err(Errno::ROFS) => return Err(error(Fault::ReadOnly, Errno::ROFS.to_string())),
        Err(detail) => return Err(error(Fault::FileUnusable, detail.to_string())),
    };
    let stat = match rustix::fs::fstat(&descriptor) {
        Ok(stat) => stat,
        Err(detail) => return Err(error(Fault::FileUnusable, detail.to_string())),
    };
    if FileType::from_raw_mode(stat.st_mode) != FileType::RegularFile {
        return Err(error(Fault::FileIsNoFile, "not a regular file".to_owned()));
    }
    owner_is_right(options, &stat, anybodys).map_err(|who| error(Fault::FileOwner, who))?;
    let (_, mode) = options.modes();
    if stat.st_mode & 0o777 != mode {
        return Err(error(Fault::FileMode, format!("mode {:o}, expected {mode:o}", stat.st_mode & 0o7777)));
    }
    let bytes = stat.st_size as u64;
    let seed = check_header(&descriptor, bytes).map_err(|(fault, detail)| error(fault, detail))?;
    let map = match Map::of_file(rustix::fd::AsFd::as_fd(&descriptor), bytes, writable) {
        Ok(map) => map,
        Err(detail) => return Err(error(Fault::FileUnusable, detail.to_string())),
    };
    let others = other_versions(options, folder);
    Ok(Some(File { map, descriptor, path, bytes, seed, identity: identity(&stat), others }))
}

/// The seed of a header that is whole.
fn check_header(file: &OwnedFd, bytes: u64) -> std::result::Result<u64, (Fault, String)> {
    if layout::whole_size(bytes) != Some(bytes) {
        return Err((Fault::FileSize, format!("{bytes} bytes")));
    }
    let mut raw = [0; HEADER_WORDS * 8];
    match rustix::io::pread(file, &mut raw, 0) {
        Ok(read) if read == raw.len() => {}
        Ok(read) => return Err((Fault::FileSize, format!("{read} bytes of header"))),
        Err(detail) => return Err((Fault::FileUnusable, detail.to_string())),
    }
    let word = |index: usize| raw[index * 8..].first_chunk().map_or(0, |bytes| u64::from_le_bytes(*bytes));
    let want = |index, expected: u64, fault, what: &str| match word(index) {
        found if found == expected => Ok(()),
        found => Err((fault, format!("{what} {found:#x}, expected {expected:#x}"))),
    };
    let here = Here::look().map_err(|detail| (Fault::Unsupported, detail))?;
    want(header::MAGIC, MAGIC, Fault::Magic, "magic")?;
    want(header::VERSION, VERSION, Fault::Version, "version")?;
    let seed = word(header::SEED);
    want(header::LAYOUT, layout::fingerprint(seed), Fault::Layout, "layout")?;
    want(header::BYTES, bytes, Fault::FileSize, "size in the header")?;
    want(header::BOOT, here.boot[0], Fault::Boot, "boot")?;
    want(header::BOOT + 1, here.boot[1], Fault::Boot, "boot")?;
    want(header::TIME_NAMESPACE, here.time_namespace, Fault::TimeNamespace, "time namespace")?;
    Ok(seed)
}

/// Makes the file under a temporary name, whole, and then names it; loses quietly to another maker.
fn make(options: &SegmentOptions, folder: &OwnedFd, bytes: u64) -> Result<()> {
    let path = options.path();
    let error = |fault, detail: String| SegmentError::new(fault, path.to_string_lossy(), detail);
    let temporary = format!(".{}.{:016x}", options.file_name(), super::process::random());
    let flags = OFlags::CREATE | OFlags::EXCL | OFlags::RDWR | OFlags::NOFOLLOW | OFlags::CLOEXEC;
    let file = rustix::fs::openat(folder, &temporary, flags, Mode::from_raw_mode(0o600)).map_err(|detail| {
        let fault = match detail {
            Errno::ROFS => Fault::ReadOnly,
            Errno::NOSPC | Errno::DQUOT => Fault::NoSpace,
            _ => Fault::FolderUnusable,
        };
        error(fault, detail.to_string())
    })?;
    let made = fill(options, &file, bytes).map_err(|(fault, detail)| error(fault, detail)).and_then(|()| {
        super::crash::point("file made");
        match name(folder, &temporary, &options.file_name()) {
            Ok(()) | Err(Errno::EXIST) => Ok(()),
            Err(detail) => Err(error(Fault::FileUnusable, detail.to_string())),
        }
    });
    // Gone already where it got its name.
    let _ = rustix::fs::unlinkat(folder, &temporary, AtFlags::empty());
    made
}

fn fill(options: &SegmentOptions, file: &OwnedFd, bytes: u64) -> std::result::Result<(), (Fault, String)> {
    let unusable = |detail: Errno| (Fault::FileUnusable, detail.to_string());
    if let Some(group) = options.group {
        rustix::fs::fchown(file, None, Some(Gid::from_raw(group))).map_err(unusable)?;
    }
    let (_, mode) = options.modes();
    rustix::fs::fchmod(file, Mode::from_raw_mode(mode)).map_err(unusable)?;
    // All of it now: a page that is found missing later would end the process that touches it.
    rustix::fs::fallocate(file, rustix::fs::FallocateFlags::empty(), 0, bytes).map_err(|detail| match detail {
        Errno::NOSPC | Errno::DQUOT | Errno::FBIG => (Fault::NoSpace, format!("{bytes} bytes: {detail}")),
        Errno::OPNOTSUPP => (Fault::Unsupported, "the file system cannot reserve space".to_owned()),
        other => unusable(other),
    })?;
    let here = Here::look().map_err(|detail| (Fault::Unsupported, detail))?;
    let mut words = [0; HEADER_WORDS];
    words[header::MAGIC] = MAGIC;
    words[header::VERSION] = VERSION;
    let seed = super::process::random();
    words[header::LAYOUT] = layout::fingerprint(seed);
    words[header::BYTES] = bytes;
    words[header::BOOT] = here.boot[0];
    words[header::BOOT + 1] = here.boot[1];
    words[header::TIME_NAMESPACE] = here.time_namespace;
    words[header::SEED] = seed;
    let next = super::seal::sealed(layout::Regions::of(bytes).arena);
    let head: Vec<u8> = words.into_iter().chain([next]).flat_map(u64::to_le_bytes).collect();
    match rustix::io::pwrite(file, &head, 0) {
        Ok(written) if written == head.len() => Ok(()),
        Ok(written) => Err((Fault::FileUnusable, format!("{written} bytes of header written"))),
        Err(detail) => Err(unusable(detail)),
    }
}

/// Never over a file that is there.
fn name(folder: &OwnedFd, from: &str, to: &str) -> std::result::Result<(), Errno> {
    match rustix::fs::renameat_with(folder, from, folder, to, RenameFlags::NOREPLACE) {
        Err(Errno::INVAL | Errno::NOSYS) => rustix::fs::linkat(folder, from, folder, to, AtFlags::empty()),
        result => result,
    }
}

/// Files of this name that other versions of Seawall use.
fn other_versions(options: &SegmentOptions, folder: &OwnedFd) -> Vec<String> {
    let Ok(entries) = Dir::read_from(folder) else { return Vec::new() };
    let names = entries.filter_map(|entry| entry.ok()?.file_name().to_str().ok().map(str::to_owned));
    let own = VERSION.to_string();
    let is_other = |name: &String| {
        let version = name.strip_prefix(options.name.as_str()).and_then(|rest| rest.strip_prefix('.'));
        version.is_some_and(|version| version != own && version.parse::<u64>().is_ok())
    };
    names.filter(is_other).collect()
}

//! Numbered places in every protocol of more than one step, where a test build kills itself.
//!
//! With the feature `crash-points`, `SEAWALL_CRASH_AT=name` or `name:n` ends the process by SIGKILL
//! at the first, or n-th, time that it comes past the point of that name. Without it this is nothing.

/// Every point there is.
#[cfg(feature = "crash-points")]
pub const POINTS: [&str; 15] = [
    "file made",
    "process slot locked",
    "process slot cleared",
    "block sized",
    "block taken",
    "block published",
    "block in its chain",
    "block closed",
    "block ended",
    "block replaced",
    "block marked",
    "cell held",
    "writer claimed",
    "permit taken",
    "permit returned",
];

#[cfg(not(feature = "crash-points"))]
#[inline(always)]
pub(crate) fn point(_: &'static str) {}

#[cfg(feature = "crash-points")]
pub(crate) fn point(name: &'static str) {
    use crate::sync::{AtomicUsize, OnceLock, Ordering};
    static AT: OnceLock<Option<(String, usize)>> = OnceLock::new();
    static PASSED: OnceLock<AtomicUsize> = OnceLock::new();
    debug_assert!(POINTS.contains(&name), "{name} is not listed");
    let at = AT.get_or_init(|| {
        let text = std::env::var("SEAWALL_CRASH_AT").ok()?;
        let (name, nth) = text.split_once(':').unwrap_or((&text, "1"));
        Some((name.to_owned(), nth.parse().unwrap_or(1)))
    });
    let Some((wanted, nth)) = at else { return };
    if wanted == name {
        let passed = PASSED.get_or_init(|| AtomicUsize::new(0)).fetch_add(1, Ordering::Relaxed) + 1;
        if passed == *nth {
            let _ = rustix::process::kill_process(rustix::process::getpid(), rustix::process::Signal::KILL);
        }
    }
}

//! What a caller compares before anything else.

use crate::text::seawall_str;

/// Major in the high half, minor in the low one. A caller that was compiled against another major
/// must not go on; a higher minor only adds.
pub const SEAWALL_ABI_VERSION: u32 = 0x0001_0004;

/// The `SEAWALL_ABI_VERSION` of the library that is linked.
///
/// Owns: nothing. Threads: any. Statuses: none.
#[unsafe(no_mangle)]
pub extern "C" fn seawall_abi_version() -> u32 {
    SEAWALL_ABI_VERSION
}

/// The version of the library, `"0.1.0"`.
///
/// Owns: static text. Threads: any. Statuses: none.
#[unsafe(no_mangle)]
pub extern "C" fn seawall_version() -> seawall_str {
    seawall_str::from_static(env!("CARGO_PKG_VERSION"))
}

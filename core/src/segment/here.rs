//! Which run of the machine this is, and whose clock.

/// Whose clock and boot we live in.
pub(super) struct Here {
    pub boot: [u64; 2],
    pub time_namespace: u64,
}

impl Here {
    pub(super) fn look() -> std::result::Result<Here, String> {
        const BOOT: &str = "/proc/sys/kernel/random/boot_id";
        let text = std::fs::read_to_string(BOOT).map_err(|error| format!("{BOOT}: {error}"))?;
        let digits: String = text.chars().filter(char::is_ascii_hexdigit).collect();
        let half = |range| digits.get(range).and_then(|half: &str| u64::from_str_radix(half, 16).ok());
        let (Some(high), Some(low)) = (half(0..16), half(16..32)) else {
            return Err(format!("{BOOT} holds no number: {}", text.trim()));
        };
        // Systems without time namespaces have one clock.
        let namespace = rustix::fs::stat("/proc/self/ns/time").map_or(0, |stat| stat.st_ino);
        Ok(Here { boot: [high, low], time_namespace: namespace })
    }
}

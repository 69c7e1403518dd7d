//! What went wrong or was refused: as a struct, and as JSON for messages.

use crate::own::Sized32;
use crate::status::{SEAWALL_NONE, SEAWALL_NOTHING, seawall_status};
use crate::text::seawall_text;
use seawall::error::{ConfigError, Refusal};
use serde_json::{Map, Value};

/// Who refused, and until when.
#[repr(C)]
#[derive(Copy, Clone)]
pub struct seawall_refusal {
    /// `sizeof(seawall_refusal)`, set by the caller.
    pub size: u32,
    /// `CIRCUIT_OPEN`, `BULKHEAD_FULL`, …; 0 if nothing refused.
    pub status: seawall_status,
    /// Of a breaker: its state. 255: none.
    pub state: u8,
    pub reserved: [u8; 7],
    /// Nanoseconds until another try may succeed; `SEAWALL_NONE` where nobody knows.
    pub retry_after: u64,
    /// How much of `limit` was in use: permits, or an amount of a cost budget.
    pub used: u64,
    /// The limit that was hit; of a timeout, in nanoseconds.
    pub limit: u64,
}

// SAFETY: integers alone, the size first, no padding.
unsafe impl Sized32 for seawall_refusal {
    const FIRST: u32 = 40;
    const EMPTY: Self = seawall_refusal {
        size: 0,
        status: 0,
        state: SEAWALL_NOTHING,
        reserved: [0; 7],
        retry_after: SEAWALL_NONE,
        used: 0,
        limit: 0,
    };
}

const _: () = assert!(size_of::<seawall_refusal>() == 40);

impl From<&Refusal> for seawall_refusal {
    fn from(refusal: &Refusal) -> Self {
        seawall_refusal {
            status: refusal.code as seawall_status,
            state: refusal.state.map_or(SEAWALL_NOTHING, |state| state as u8),
            retry_after: refusal.retry_after.map_or(SEAWALL_NONE, |after| after.0),
            used: refusal.used,
            limit: refusal.limit,
            ..seawall_refusal::EMPTY
        }
    }
}

/// A configuration error as a JSON object.
pub(crate) fn why(error: &ConfigError) -> seawall_text {
    seawall_text::new(&error.to_json().to_string())
}

/// A refusal as a JSON object.
pub(crate) fn refusal_json(refusal: &Refusal) -> seawall_text {
    seawall_text::new(&refusal.to_json().to_string())
}

/// Named amounts, `{"tokens":100}`.
pub(crate) fn amounts(json: &str) -> Result<Vec<(String, u64)>, seawall::error::Code> {
    use seawall::error::Code::InvalidText;
    if json.is_empty() {
        return Ok(Vec::new());
    }
    let object: Map<String, Value> = serde_json::from_str(json).map_err(|_| InvalidText)?;
    object.into_iter().map(|(name, amount)| Ok((name, amount.as_u64().ok_or(InvalidText)?))).collect()
}

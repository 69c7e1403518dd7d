//! A door without a segment, for the model checker.

use super::{Door, LIMIT, MOST_EVER, State, seats, words};
use crate::cell::{Block, Homes};
use crate::config::BulkheadConfig;
use crate::family::Spot;
use crate::segment::sealed;
use crate::sync::{Arc, Ordering};

impl Door {
    /// Over words that everybody takes for a cell in force, for the model checker.
    pub(crate) fn over(config: &Arc<BulkheadConfig>, spot: Spot<'_>) -> Door {
        let (cell, seats) = (Block::new(words(config)), seats(config));
        for word in [LIMIT, MOST_EVER] {
            cell.word(word).store(sealed(config.limit as usize), Ordering::Relaxed);
        }
        let (wanted, config) = (config.clone(), config.clone());
        let homes = Homes::within(config.limit);
        Door::new(State { wanted, config, seats, homes, cell: Some(cell) }, spot)
    }
}

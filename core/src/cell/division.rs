//! What a thread knows of the lines that it writes alone, so that it finds them without a look at whose they are.
//!
//! A thread knows its own and nobody else's, so nothing here is shared. What it knows is true for as long as it has its
//! slot, and this process its lines.

use super::{LINE, Writers};
use crate::segment;
use std::cell::Cell;

/// How the lines of a block are divided among the threads of this process, and where a thread knows from which is its
/// own.
#[derive(Copy, Clone, PartialEq, Eq, Debug)]
pub(crate) struct Division {
    /// Below `PLACES`.
    place: u32,
    /// Added to what a thread knows, which so is no other division's: neither of another place nor of one that was at
    /// this place before.
    tag: u32,
}

/// Of this process's own blocks two, and one for each table of a segment.
const PLACES: usize = HEAP + segment::TABLES;
const HEAP: usize = 2;
/// From one tag to the next: more than the words of all lines that one thread may write alone.
const TAG: u32 = 64 * LINE as u32;
const _: () = assert!(Writers::HEAP.own * LINE <= TAG as usize);
const _: () = assert!(segment::WRITERS.own * LINE <= TAG as usize);
/// Less than a tag's step above no tag.
const NOWHERE: u32 = u32::MAX;

// No destructors, so that to read one is a load and works while the thread ends.
#[cfg(not(loom))]
thread_local! {
    // In the division that it was in last, and in each.
    static LAST: Cell<u32> = const { Cell::new(NOWHERE) };
    static ALL: [Cell<u32>; PLACES] = const { [const { Cell::new(NOWHERE) }; PLACES] };
}

#[cfg(loom)]
loom::thread_local! {
    static LAST: Cell<u32> = Cell::new(NOWHERE);
    static ALL: [Cell<u32>; PLACES] = std::array::from_fn(|_| Cell::new(NOWHERE));
}

/// The calling thread has no slot any more, or another.
pub(super) fn forget() {
    forget_from(0);
}

/// In a forked child: in what processes share, the lines are the parent's.
pub(super) fn forked() {
    forget_from(HEAP);
}

fn forget_from(place: usize) {
    LAST.with(|last| last.set(NOWHERE));
    ALL.with(|all| all[place..].iter().for_each(|known| known.set(NOWHERE)));
}

impl Division {
    /// The lines of all writers are in the block.
    pub(super) const TOGETHER: Division = Division { place: 0, tag: 0 };
    /// Only the first writer's is.
    pub(super) const APART: Division = Division { place: 1, tag: TAG };

    /// How many uses of tables are told apart.
    pub(crate) const USES: u32 = NOWHERE / TAG - HEAP as u32;

    /// By a table of a segment, in one of all uses of tables.
    pub(crate) fn of_table(table: usize, number: u32) -> Division {
        assert!(table < segment::TABLES && number < Division::USES);
        Division { place: (HEAP + table) as u32, tag: (HEAP as u32 + number) * TAG }
    }

    /// How many lines have one writer, in every block that is so divided.
    pub(super) fn own(self) -> usize {
        match self.place {
            0 => Writers::HEAP.own,
            1 => 1,
            _ => segment::WRITERS.own,
        }
    }

    /// What the calling thread knows, if it was here last.
    #[inline(always)]
    pub(super) fn look(self) -> Look {
        Look(LAST.with(Cell::get).wrapping_sub(self.tag))
    }

    /// The same, if it ever was; from now on it was here last.
    pub(super) fn look_back(self) -> Look {
        let known = ALL.with(|all| all[self.place as usize].get());
        let look = Look(known.wrapping_sub(self.tag));
        if look.line().is_some() {
            LAST.with(|last| last.set(known));
        }
        look
    }

    /// The calling thread writes the line of this number alone.
    pub(super) fn know(self, line: usize) {
        assert!(line < self.own());
        let known = self.tag + (line * LINE) as u32;
        ALL.with(|all| all[self.place as usize].set(known));
        LAST.with(|last| last.set(known));
    }
}

/// What a thread was found to know.
#[derive(Copy, Clone)]
pub(super) struct Look(u32);

impl Look {
    /// The first word of its line, from that of the first line on: one of the `own` lines.
    #[inline(always)]
    pub(super) fn line(self) -> Option<usize> {
        (self.0 < TAG).then_some(self.0 as usize)
    }
}

#[cfg(all(test, not(loom)))]
mod tests {
    use super::*;

    #[test]
    fn a_line_is_known_in_its_division_alone() {
        let [table, later] = [7, 8].map(|number| Division::of_table(3, number));
        let lines = |divisions: [Division; 2]| divisions.map(|division| division.look().line());
        table.know(5);
        assert_eq!(lines([table, later]), [Some(5 * LINE), None]);
        assert!(later.look_back().line().is_none(), "another segment's table");
        Division::TOGETHER.know(1);
        assert_eq!(lines([table, Division::TOGETHER]), [None, Some(LINE)]);
        assert_eq!(table.look_back().line(), Some(5 * LINE));
        assert_eq!(lines([table, Division::TOGETHER]), [Some(5 * LINE), None]);
        forked();
        assert_eq!((table.look_back().line(), Division::TOGETHER.look_back().line()), (None, Some(LINE)));
        forget();
        assert!(Division::TOGETHER.look_back().line().is_none());
    }

    #[test]
    fn no_division_is_taken_for_another() {
        let [first, second, third] = [0, 1, Division::USES - 1].map(|number| Division::of_table(1, number));
        let all = [first, second, third, Division::TOGETHER, Division::APART];
        for division in all {
            forget();
            assert!(all.iter().all(|any| any.look().line().is_none()), "where nothing is known");
            division.know(division.own() - 1);
            for any in all {
                let expected = (any == division).then_some((division.own() - 1) * LINE);
                assert_eq!(any.look().line(), expected, "{any:?} after {division:?}");
            }
        }
    }

    #[test]
    #[should_panic(expected = "line < self.own()")]
    fn a_line_that_no_block_has_is_caught() {
        Division::APART.know(1);
    }
}

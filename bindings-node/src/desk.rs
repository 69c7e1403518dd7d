//! The leased place of a bulkhead that processes share, for JavaScript to take and leave by itself.

use crate::isolate::Isolate;
use crate::raw::{Answer, Arguments, Mail, View};

/// `desk(loan)`: the memory around its leased place, if it has one. In the mailbox the words that are
/// looked at, each by its place there in words of 32 bits and what its lower half is: the pulse (0), the
/// limit, the highest one, the place in use, the same at hand, its count, and who this process is.
pub(crate) fn desk(isolate: &mut Isolate, mail: &Mail, given: &Arguments<'_>) -> Answer {
    let Some((view, desk)) = isolate.loans.get(given.number(0)).and_then(View::of_desk) else { return Answer::Nothing };
    let place = |word: usize| (word * 2) as f64;
    let low = |word: u64| f64::from(word as u32 as i32);
    let [limit, most] = desk.limits;
    let (seat, taken, at_hand) = desk.place;
    let numbers = [
        low(desk.pulse),
        place(limit.0),
        low(limit.1),
        place(most.0),
        low(most.1),
        place(seat),
        low(taken),
        low(at_hand),
        place(desk.count),
        low(desk.standing.1 as u64),
    ];
    numbers.iter().enumerate().for_each(|(index, number)| mail.put(index, *number));
    Answer::View(view)
}

/// `standing(loan)`: the word that says whether this process is still who it was when the place was let.
pub(crate) fn standing(isolate: &mut Isolate, _: &Mail, given: &Arguments<'_>) -> Answer {
    let view = isolate.loans.get(given.number(0)).and_then(View::of_standing);
    view.map_or(Answer::Nothing, Answer::View)
}

/// `leftLate(loan)`: the place was left where the life of its cell had ended. Whether others are to be woken.
pub(crate) fn left_late(isolate: &mut Isolate, _: &Mail, given: &Arguments<'_>) -> Answer {
    isolate.left_late(given.number(0));
    Answer::Number(isolate.keep_wakes(Vec::new()))
}

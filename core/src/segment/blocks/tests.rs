use super::*;
use crate::segment::layout::MIN_BYTES;

fn arena(words: &[AtomicU64]) -> Arena<'_> {
    let regions = Regions::of(MIN_BYTES);
    words[header::NEXT].store(sealed(regions.arena), Ordering::Relaxed);
    Arena::new(words, regions)
}
fn zeroes() -> Vec<AtomicU64> {
    (0..MIN_BYTES as usize / 8).map(|_| AtomicU64::new(0)).collect()
}
const ME: fn() -> Owner = || Owner::new(1, 77);

#[test]
fn blocks_follow_each_other_until_the_arena_is_full() {
    let words = zeroes();
    let arena = arena(&words);
    let mut taken = Vec::new();
    let error = loop {
        match arena.take(100, ME()) {
            Ok(block) => taken.push(block),
            Err(error) => break error,
        }
    };
    assert_eq!(error.fault, Fault::Full);
    assert_eq!(arena.all().collect::<Vec<_>>(), taken);
    assert!(taken.len() > 40 && taken.iter().all(|block| block.lines == 14));
}

#[test]
fn what_is_given_back_is_used_again_and_is_zero() {
    let words = zeroes();
    let arena = arena(&words);
    let block = arena.take(20, ME()).unwrap();
    arena.body(block)[5].store(9, Ordering::Relaxed);
    arena.give_up(block, ME());
    let again = arena.take(18, Owner::new(2, 5)).unwrap();
    assert_eq!((again, arena.body(again)[5].load(Ordering::Relaxed)), (block, 0));
}

#[test]
fn only_what_nobody_refers_to_or_uses_is_collected() {
    let words = zeroes();
    let arena = arena(&words);
    let [referred, held, garbage, dead, living] = std::array::from_fn(|_| arena.take(8, ME()).unwrap());
    for block in [referred, held, garbage] {
        arena.publish(block);
    }
    arena.hold(held, 200);
    // Of the two in preparation one belongs to the dead.
    arena.word(dead, STATE).store(Owner::new(9, 1).word(), Ordering::Relaxed);
    let is_held = |block| arena.holders(block).any(|slot| slot == 200);
    let collect = || arena.collect(is_held, |block| block == referred, |owner| owner == ME());
    assert_eq!((collect(), arena.state(garbage), arena.state(dead)), (2, State::Free, State::Free));
    assert_eq!(arena.state(living), State::Preparing(ME()));
    arena.let_go(held, 200);
    assert_eq!((collect(), collect()), (1, 0));
}

#[test]
fn who_uses_a_block_keeps_it_and_who_comes_later_sees_it_dead() {
    let words = zeroes();
    let arena = arena(&words);
    let block = arena.take(8, ME()).unwrap();
    let life = arena.publish(block);
    let is_held = |block| arena.holders(block).next().is_some();
    arena.hold(block, 3);
    assert!(!arena.end_unused(block, is_held) && life.is_in(arena.pulse(block)));
    arena.let_go(block, 3);
    // A mark that somebody left who died is taken away by who uses the block.
    arena.word(block, STATE).store(life.0 | MARKED, Ordering::SeqCst);
    arena.hold(block, 3);
    assert!(arena.keep(block, life) && life.is_in(arena.pulse(block)));
    arena.let_go(block, 3);
    assert!(arena.end_unused(block, is_held) && !arena.keep(block, life));
    assert_eq!(arena.state(block), State::Dead);
}

#[test]
fn a_process_that_died_while_it_sized_a_block_is_no_hole() {
    let words = zeroes();
    let arena = arena(&words);
    let at = Regions::of(MIN_BYTES).arena;
    words[at * LINE].store(sealed(4), Ordering::Relaxed);
    let block = arena.take(30, ME()).unwrap();
    assert_eq!(arena.all().map(|block| block.line).collect::<Vec<_>>(), [at, block.line]);
    assert_eq!(arena.take(17, ME()).unwrap().lines, 4);
}

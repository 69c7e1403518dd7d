//! SipHash-2-4 (Aumasson and Bernstein), the same in every build that maps a segment. Its seed is
//! the segment's own, so that a key cannot be guessed from its hash by who has no access.

/// The hash of `bytes` under the key (`seed`, `stream`).
pub(crate) fn of_bytes(seed: u64, stream: u64, bytes: &[u8]) -> u64 {
    let mut state = [
        seed ^ 0x736f_6d65_7073_6575,
        stream ^ 0x646f_7261_6e64_6f6d,
        seed ^ 0x6c79_6765_6e65_7261,
        stream ^ 0x7465_6462_7974_6573,
    ];
    let mut chunks = bytes.chunks_exact(8);
    for chunk in &mut chunks {
        absorb(&mut state, u64::from_le_bytes(chunk.try_into().unwrap_or_default()));
    }
    let mut last = [0; 8];
    last[..chunks.remainder().len()].copy_from_slice(chunks.remainder());
    last[7] = bytes.len() as u8;
    absorb(&mut state, u64::from_le_bytes(last));
    state[2] ^= 0xff;
    (0..4).for_each(|_| round(&mut state));
    state[0] ^ state[1] ^ state[2] ^ state[3]
}

pub(crate) fn of_words(seed: u64, words: &[u64]) -> u64 {
    let bytes: Vec<u8> = words.iter().flat_map(|word| word.to_le_bytes()).collect();
    of_bytes(seed, 0, &bytes)
}

fn absorb(state: &mut [u64; 4], word: u64) {
    state[3] ^= word;
    round(state);
    round(state);
    state[0] ^= word;
}

fn round(v: &mut [u64; 4]) {
    v[0] = v[0].wrapping_add(v[1]);
    v[1] = v[1].rotate_left(13) ^ v[0];
    v[0] = v[0].rotate_left(32);
    v[2] = v[2].wrapping_add(v[3]);
    v[3] = v[3].rotate_left(16) ^ v[2];
    v[0] = v[0].wrapping_add(v[3]);
    v[3] = v[3].rotate_left(21) ^ v[0];
    v[2] = v[2].wrapping_add(v[1]);
    v[1] = v[1].rotate_left(17) ^ v[2];
    v[2] = v[2].rotate_left(32);
}

#[cfg(test)]
mod tests {
    #[test]
    fn the_authors_test_vector() {
        let input: Vec<u8> = (0..15).collect();
        let hash = super::of_bytes(0x0706_0504_0302_0100, 0x0f0e_0d0c_0b0a_0908, &input);
        assert_eq!(hash, 0xa129_ca61_49be_45e5);
    }
}

//! Request id: for the log, the problem documents and the app. Unique, but no secret.

use std::{
    hash::{BuildHasher as _, RandomState},
    sync::{
        LazyLock,
        atomic::{AtomicU64, Ordering},
    },
};

/// Request id: 32 hexadecimal digits that no other request has.
#[derive(Clone, Copy)]
pub(super) struct RequestId([u8; 32]);

impl RequestId {
    /// Next id. It need not be hard to guess, so the machine is asked for randomness once in the life of the process, not once a
    /// request.
    pub(super) fn new() -> Self {
        static KEYS: LazyLock<[RandomState; 2]> = LazyLock::new(Default::default);
        static NEXT: AtomicU64 = AtomicU64::new(0);
        let number = NEXT.fetch_add(1, Ordering::Relaxed);
        let [high, low] = KEYS.each_ref().map(|key| u128::from(key.hash_one(number)));
        let mut left = high << 64 | low;
        let mut digits = [0; 32];
        for digit in digits.iter_mut().rev() {
            *digit = b"0123456789abcdef"[(left & 15) as usize];
            left >>= 4;
        }
        Self(digits)
    }

    pub(super) fn as_str(&self) -> &str {
        std::str::from_utf8(&self.0).expect("hexadecimal digits are ASCII")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_two_requests_have_the_same() {
        let (one, other) = (RequestId::new(), RequestId::new());
        assert_ne!(one.as_str(), other.as_str());
        assert!(one.as_str().bytes().all(|digit| digit.is_ascii_digit() || (b'a'..=b'f').contains(&digit)));
    }
}

//! Why something in flight is cut, and what a WebSocket is told of it.

use crate::session::Ending;

/// Why something in flight is cut.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Cut(u8);

impl Cut {
    /// Its session was not there any more when somebody looked, and the log of ends did not tell how it went.
    pub const GONE: Self = Self(8);
    /// For too long nobody could tell whether its session was still there.
    pub const STORE_AWAY: Self = Self(9);
    /// Portcullis stops, and its time to end by itself is over.
    pub const STOPPING: Self = Self(10);
    /// Its client took nothing of the answer for too long.
    pub const WRITE_IDLE: Self = Self(11);
    /// Its client was one slow reader too many of its session or its address, and had been slow for longest.
    pub const SLOW_READER: Self = Self(12);

    /// Every value of the label `reason`, so that each series exists from the start: first those of [`Ending::LABELS`].
    pub const LABELS: [&'static str; 13] = {
        let mut labels = [""; 13];
        let mut place = 0;
        while place < Ending::LABELS.len() {
            labels[place] = Ending::LABELS[place];
            place += 1;
        }
        labels[Self::GONE.0 as usize] = "gone";
        labels[Self::STORE_AWAY.0 as usize] = "store_away";
        labels[Self::STOPPING.0 as usize] = "stopping";
        labels[Self::WRITE_IDLE.0 as usize] = "write_idle";
        labels[Self::SLOW_READER.0 as usize] = "slow_reader";
        labels
    };

    /// Because its session ended.
    #[must_use]
    pub fn after(ending: &Ending) -> Self {
        let place = Self::LABELS.iter().position(|label| *label == ending.label());
        place.and_then(|place| u8::try_from(place).ok()).map_or(Self::GONE, Self)
    }

    /// Its value of the label `reason`, and of `cut` in the log.
    #[must_use]
    pub const fn label(self) -> &'static str {
        Self::LABELS[self.0 as usize]
    }

    /// The status of a WebSocket's Close frame (RFC 6455, 7.4.1), and its words.
    #[must_use]
    pub const fn close_status(self) -> (u16, &'static str) {
        match self {
            Self::STORE_AWAY => (1013, "try again later"),
            Self::STOPPING => (1001, "going away"),
            Self::SLOW_READER | Self::WRITE_IDLE => (1013, "reads too slowly"),
            _ => (1008, "signed out"),
        }
    }

    /// As a number that is not 0 and fits into a byte.
    pub(super) const fn number(self) -> u64 {
        self.0 as u64 + 1
    }

    /// From that number.
    pub(super) const fn numbered(number: u64) -> Option<Self> {
        match number {
            #[expect(clippy::cast_possible_truncation, reason = "it is below 14")]
            1..=13 => Some(Self(number as u8 - 1)),
            _ => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_reason_keeps_its_name_and_its_number() {
        for (place, label) in Ending::LABELS.into_iter().enumerate() {
            assert_eq!(Cut::LABELS[place], label);
        }
        assert_eq!(Cut::after(&Ending::TooMany).label(), "too_many");
        for place in 0..Cut::LABELS.len() {
            let cut = Cut(u8::try_from(place).unwrap());
            assert!(!cut.label().is_empty());
            assert_eq!(Cut::numbered(cut.number()), Some(cut));
        }
        assert_eq!((Cut::numbered(0), Cut::numbered(14)), (None, None));
    }
}

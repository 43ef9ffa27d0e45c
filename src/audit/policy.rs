//! Rules by which the journal forgets.

use std::time::Duration;

use super::AuditLogSize;

/// Share of the entries at which the journal is called nearly full, in percent.
const NEARLY_FULL_PERCENT: u64 = 80;

/// How long entries are kept, and how many.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct AuditPolicy {
    /// For any entry.
    pub retention: Duration,
    /// For failed sign-ins with a name that nobody has.
    pub unknown_names_retention: Duration,
    /// Entries above which failed sign-ins are dropped.
    pub max_entries: u64,
}

/// How much of the journal's room is taken.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum AuditLogFullness {
    /// Less than four fifths, in all and of what failed sign-ins may take.
    HasRoom,
    /// Four fifths of either, or more.
    NearlyFull,
    /// All of it by what is never dropped for want of room.
    FullOfActions,
}

impl AuditPolicy {
    /// Failed sign-ins that are to be dropped. They have at most three quarters of the journal, so that there is always room for
    /// acts, and less where acts need more than theirs; but the newest twentieth stays, whatever acts need.
    ///
    /// Invariant: no number of entries asks for an act to be dropped.
    #[must_use]
    pub fn excess_failures(&self, size: AuditLogSize) -> u64 {
        size.failed.saturating_sub(self.max_failures(size))
    }

    fn max_failures(&self, size: AuditLogSize) -> u64 {
        let acts = size.entries.saturating_sub(size.failed);
        let room = (self.max_entries / 4 * 3).min(self.max_entries.saturating_sub(acts));
        room.max(self.max_entries / 20)
    }

    /// How full a journal of this size is.
    ///
    /// Invariant: none of which failed sign-ins are dropped is roomy.
    #[must_use]
    pub fn fullness(&self, size: AuditLogSize) -> AuditLogFullness {
        let is_nearly_full =
            |taken: u64, most: u64| taken.saturating_mul(100) >= most.saturating_mul(NEARLY_FULL_PERCENT);
        if size.entries.saturating_sub(size.failed) >= self.max_entries {
            AuditLogFullness::FullOfActions
        } else if is_nearly_full(size.entries, self.max_entries) || is_nearly_full(size.failed, self.max_failures(size))
        {
            AuditLogFullness::NearlyFull
        } else {
            AuditLogFullness::HasRoom
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn policy() -> AuditPolicy {
        let day = Duration::from_hours(24);
        AuditPolicy { retention: day, unknown_names_retention: day, max_entries: 1_000 }
    }

    fn excess(acts: u64, failed: u64) -> u64 {
        policy().excess_failures(AuditLogSize { entries: acts + failed, failed })
    }

    #[test]
    fn four_fifths_are_nearly_full() {
        for (acts, failed, fullness) in [
            (0, 0, AuditLogFullness::HasRoom),
            (200, 599, AuditLogFullness::HasRoom),
            (0, 599, AuditLogFullness::HasRoom),
            (0, 600, AuditLogFullness::NearlyFull),
            (400, 400, AuditLogFullness::NearlyFull),
            (700, 100, AuditLogFullness::NearlyFull),
            (999, 50, AuditLogFullness::NearlyFull),
            (1_000, 0, AuditLogFullness::FullOfActions),
        ] {
            assert_eq!(
                policy().fullness(AuditLogSize { entries: acts + failed, failed }),
                fullness,
                "{acts}, {failed}"
            );
        }
    }

    #[test]
    fn failed_sign_ins_leave_room_for_acts() {
        assert_eq!(excess(0, 750), 0);
        assert_eq!(excess(0, 800), 50, "a quarter is kept free");
        assert_eq!(excess(500, 500), 0);
        assert_eq!(excess(600, 500), 100, "acts may need more");
        assert_eq!(excess(5_000, 80), 30, "a twentieth stays");
        assert_eq!(excess(5_000, 0), 0);
    }
}

//! Slices of lists that are too long to be read at once.

/// Some items of a list in their order, and where the next slice begins.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ListSlice<T, P> {
    /// The items.
    pub items: Vec<T>,
    /// The position behind them; none where the list ends with them.
    pub next: Option<P>,
}

impl<T, P> ListSlice<T, P> {
    /// A slice of `limit` items, from up to one more: that one tells that there are more.
    #[must_use]
    pub fn from_overfetched(mut items: Vec<T>, limit: usize, position: impl FnOnce(&T) -> P) -> Self {
        let has_more = items.len() > limit;
        items.truncate(limit);
        let next = items.last().filter(|_| has_more).map(position);
        Self { items, next }
    }
}

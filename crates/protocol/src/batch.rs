//! Stanzas that travel together.

use serde::{Deserialize, Serialize};

use crate::port::Write;
use crate::text::{Join, Slice};
use crate::{Delivery, FromWorker, Origin, Position};

/// Stanzas in order, column by column, and their texts as one: what a post costs is values more than
/// characters, and each string, object and array in it is one.
#[derive(Clone, Debug, Serialize, Deserialize, Write)]
#[cfg_attr(test, derive(PartialEq, ts_rs::TS), ts(export))]
pub struct Batch<T> {
    /// The position of each.
    #[cfg_attr(test, ts(type = "Array<number>"))]
    positions: Vec<Position>,
    /// Where each comes from; `None` when all were received, as most are.
    origins: Option<Vec<Origin>>,
    /// How long the text of each is: in UTF-16 units in a browser, in bytes in native tests.
    lengths: Vec<u32>,
    /// The texts, one behind the other.
    text: T,
}

impl<T> Batch<T> {
    /// How many stanzas there are.
    pub fn len(&self) -> usize {
        self.positions.len()
    }

    /// The highest position; zero when there are none.
    pub fn end(&self) -> Position {
        self.positions.iter().copied().max().unwrap_or_default()
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.positions.is_empty()
    }
}

impl<T: Join> FromIterator<Delivery<T>> for Batch<T> {
    fn from_iter<I: IntoIterator<Item = Delivery<T>>>(stanzas: I) -> Self {
        let (mut positions, mut origins, mut texts) = (Vec::new(), Vec::new(), Vec::new());
        for Delivery(position, origin, text) in stanzas {
            positions.push(position);
            origins.push(origin);
            texts.push(text);
        }
        let (text, lengths) = T::join(texts);
        let all_received = origins.iter().all(|origin| *origin == Origin::Received);
        Batch { positions, origins: (!all_received).then_some(origins), lengths, text }
    }
}

impl<T: Join> From<Vec<Delivery<T>>> for FromWorker<T> {
    fn from(mut stanzas: Vec<Delivery<T>>) -> Self {
        match stanzas.pop() {
            Some(Delivery(position, Origin::Received, text)) if stanzas.is_empty() => {
                FromWorker::Stanza(position, text)
            }
            last => FromWorker::Deliver(stanzas.into_iter().chain(last).collect()),
        }
    }
}

impl<T: Slice> Batch<T> {
    /// The stanzas. Columns of unequal length end with the shortest.
    pub fn into_deliveries(self) -> impl Iterator<Item = Delivery<T>> {
        let Batch { positions, origins, lengths, text } = self;
        let mut start = 0u32;
        positions.into_iter().zip(lengths).enumerate().map_while(move |(index, (position, length))| {
            let origin = match &origins {
                Some(origins) => *origins.get(index)?,
                None => Origin::Received,
            };
            let end = start.saturating_add(length);
            let stanza = text.slice(start, end);
            start = end;
            Some(Delivery(position, origin, stanza))
        })
    }
}

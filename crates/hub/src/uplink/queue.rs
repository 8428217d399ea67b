//! The one queue out of a session: written entries that the server has not acknowledged, then entries
//! that wait. Entries keep their order, and move on in it.
//!
//! | | acknowledged | written on this stream | written on a former stream | waiting |
//! |---|---|---|---|---|
//! | in the queue | no | yes | yes | yes |
//! | counts as sent (XEP-0198 §4) | yes | yes | yes | no |

use std::collections::VecDeque;

/// The queue. Counts are those of XEP-0198, and wrap at 2^32.
#[derive(Debug)]
pub(crate) struct Queue<E> {
    /// The entries, oldest first, with their sizes.
    entries: VecDeque<(usize, E)>,
    bytes: usize,
    /// The number of entries that were written on the present stream.
    written: usize,
    /// The number of entries that were ever written, which the server may have.
    sent: usize,
    /// The number of entries that the server has acknowledged.
    acknowledged: u32,
}

/// The server acknowledges more than it was sent.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) struct TooMuch {
    /// The server's count.
    pub(crate) handled: u32,
    /// Our count.
    pub(crate) sent: u32,
}

impl<E> Default for Queue<E> {
    fn default() -> Self {
        Queue { entries: VecDeque::new(), bytes: 0, written: 0, sent: 0, acknowledged: 0 }
    }
}

impl<E> Queue<E> {
    /// Adds an entry, which waits.
    pub(crate) fn push(&mut self, size: usize, entry: E) {
        self.bytes += size;
        self.entries.push_back((size, entry));
    }

    /// Takes the next entry that is to be written, with its size, and keeps it until the server
    /// acknowledges it. Says whether it was never written before.
    pub(crate) fn write(&mut self) -> Option<(usize, &E, bool)> {
        let (size, entry) = self.entries.get(self.written)?;
        self.written += 1;
        let first = self.written > self.sent;
        self.sent = self.sent.max(self.written);
        Some((*size, entry, first))
    }

    /// Takes the next entry, of which the server will acknowledge nothing.
    pub(crate) fn pop(&mut self) -> Option<(usize, E)> {
        let (size, _) = self.entries.front()?;
        Some((*size, self.take_first(1).pop()?))
    }

    /// Takes the entries that the server acknowledges by this count. A count that is lower than a
    /// former one acknowledges nothing.
    pub(crate) fn acknowledge(&mut self, handled: u32) -> Result<Vec<E>, TooMuch> {
        if self.is_past(handled) {
            return Ok(Vec::new());
        }
        let newly = handled.wrapping_sub(self.acknowledged);
        if newly as usize > self.sent {
            return Err(TooMuch { handled, sent: self.acknowledged.wrapping_add(self.sent as u32) });
        }
        self.acknowledged = handled;
        Ok(self.take_first(newly as usize))
    }

    /// Whether this count is lower than a former one.
    pub(crate) fn is_past(&self, handled: u32) -> bool {
        handled.wrapping_sub(self.acknowledged) > u32::MAX / 2
    }

    /// A new stream resumes the session: what is not acknowledged is to be written again.
    pub(crate) fn rewind(&mut self) {
        self.written = 0;
    }

    /// Takes the entries that the server may have, and counts from zero.
    pub(crate) fn restart(&mut self) -> Vec<E> {
        self.acknowledged = 0;
        self.take_first(self.sent)
    }

    /// Puts entries back before all others: they wait again.
    pub(crate) fn put_back(&mut self, entries: impl DoubleEndedIterator<Item = (usize, E)>) {
        debug_assert_eq!(self.sent, 0, "the count of what was sent goes by the order");
        for (size, entry) in entries.rev() {
            self.bytes += size;
            self.entries.push_front((size, entry));
        }
    }

    /// Takes the waiting entries for which `is` holds.
    pub(crate) fn withdraw(&mut self, is: impl Fn(&E) -> bool) -> Vec<E> {
        let waiting = self.entries.split_off(self.sent);
        let (taken, kept): (Vec<_>, Vec<_>) = waiting.into_iter().partition(|(_, entry)| is(entry));
        self.bytes -= taken.iter().map(|(size, _)| size).sum::<usize>();
        self.entries.extend(kept);
        taken.into_iter().map(|(_, entry)| entry).collect()
    }

    /// The number of entries that are to be written on this stream, and their bytes.
    pub(crate) fn waiting(&self) -> (usize, usize) {
        let waiting = self.entries.range(self.written..);
        (waiting.len(), waiting.map(|(size, _)| size).sum())
    }

    /// Whether any entry is to be written.
    pub(crate) fn waits(&self) -> bool {
        self.written < self.entries.len()
    }

    /// The number of entries that the server has acknowledged, as counted.
    pub(crate) fn acknowledged(&self) -> u32 {
        self.acknowledged
    }

    /// The number of entries that the server may have and has not acknowledged.
    pub(crate) fn unacknowledged(&self) -> usize {
        self.sent
    }

    pub(crate) fn len(&self) -> usize {
        self.entries.len()
    }

    pub(crate) fn bytes(&self) -> usize {
        self.bytes
    }

    /// All entries with their sizes, oldest first.
    pub(crate) fn iter(&self) -> impl DoubleEndedIterator<Item = &(usize, E)> {
        self.entries.iter()
    }

    /// The entries that were never written, to be changed.
    pub(crate) fn waiting_mut(&mut self) -> impl DoubleEndedIterator<Item = &mut E> {
        self.entries.range_mut(self.sent..).map(|(_, entry)| entry)
    }

    /// All entries, to be changed.
    pub(crate) fn iter_mut(&mut self) -> impl DoubleEndedIterator<Item = &mut E> {
        self.entries.iter_mut().map(|(_, entry)| entry)
    }

    fn take_first(&mut self, count: usize) -> Vec<E> {
        let count = count.min(self.entries.len());
        self.written = self.written.saturating_sub(count);
        self.sent = self.sent.saturating_sub(count);
        let taken: Vec<_> = self.entries.drain(..count).collect();
        self.bytes -= taken.iter().map(|(size, _)| size).sum::<usize>();
        taken.into_iter().map(|(_, entry)| entry).collect()
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

    use proptest::prelude::*;

    use super::*;

    /// A queue that has written these entries and keeps them.
    fn sent(count: u32) -> Queue<u32> {
        let mut queue = Queue::default();
        (1..=count).for_each(|number| queue.push(1, number));
        while queue.write().is_some() {}
        queue
    }

    fn write<E: Copy>(queue: &mut Queue<E>) -> Option<E> {
        queue.write().map(|(_, entry, _)| *entry)
    }

    #[test]
    fn entries_are_written_in_order_and_kept_until_they_are_acknowledged() {
        let mut queue = Queue::default();
        queue.push(3, 'a');
        queue.push(4, 'b');
        assert_eq!([write(&mut queue), write(&mut queue), write(&mut queue)], [Some('a'), Some('b'), None]);
        assert_eq!((queue.len(), queue.bytes()), (2, 7));
        assert_eq!(queue.acknowledge(1), Ok(vec!['a']));
        queue.push(5, 'c');
        assert_eq!(write(&mut queue), Some('c'));
        assert_eq!(queue.acknowledge(3), Ok(vec!['b', 'c']));
        assert_eq!((queue.len(), queue.bytes()), (0, 0));
    }

    #[test]
    fn a_count_that_says_nothing_new_acknowledges_nothing() {
        let mut queue = sent(5);
        assert_eq!(queue.acknowledge(3), Ok(vec![1, 2, 3]));
        for old in [3, 2, 0, u32::MAX] {
            assert_eq!(queue.acknowledge(old), Ok(vec![]));
        }
        assert_eq!(queue.acknowledge(5), Ok(vec![4, 5]));
    }

    #[test]
    fn a_count_of_more_than_was_sent_changes_nothing() {
        let mut queue = sent(5);
        queue.acknowledge(2).unwrap();
        queue.push(1, 6);
        assert_eq!(queue.acknowledge(6), Err(TooMuch { handled: 6, sent: 5 }));
        assert_eq!(queue.acknowledge(5), Ok(vec![3, 4, 5]));
    }

    #[test]
    fn a_resumed_session_writes_what_is_not_acknowledged_again_and_then_what_waits() {
        let mut queue = sent(3);
        queue.push(1, 4);
        queue.acknowledge(1).unwrap();
        queue.rewind();
        assert_eq!(queue.write(), Some((1, &2, false)));
        // The stream is lost again, before 3 is written again. The server may have it.
        assert_eq!(queue.unacknowledged(), 2);
        assert_eq!(queue.acknowledge(3), Ok(vec![2, 3]));
        queue.rewind();
        assert_eq!(queue.write(), Some((1, &4, true)));
        assert_eq!(queue.write(), None);
    }

    #[test]
    fn what_was_never_written_can_be_withdrawn() {
        let mut queue = sent(2);
        (3..=6).for_each(|number| queue.push(1, number));
        assert_eq!(queue.withdraw(|number| number % 2 == 0), [4, 6]);
        assert_eq!(queue.bytes(), 4);
        assert_eq!([write(&mut queue), write(&mut queue), write(&mut queue)], [Some(3), Some(5), None]);
    }

    #[test]
    fn a_new_session_counts_from_zero() {
        let mut queue = sent(3);
        queue.push(1, 4);
        queue.acknowledge(1).unwrap();
        assert_eq!(queue.restart(), [2, 3]);
        queue.put_back([(1, 3)].into_iter());
        assert_eq!([write(&mut queue), write(&mut queue), write(&mut queue)], [Some(3), Some(4), None]);
        assert_eq!(queue.acknowledge(2), Ok(vec![3, 4]));
    }

    #[derive(Clone, Debug)]
    enum Act {
        Push,
        Write,
        Acknowledge(i64),
        Rewind,
        Restart,
        Withdraw,
    }

    fn act() -> impl Strategy<Value = Act> {
        prop_oneof![
            4 => Just(Act::Push),
            4 => Just(Act::Write),
            4 => (-3_i64..6).prop_map(Act::Acknowledge),
            1 => Just(Act::Rewind),
            1 => Just(Act::Restart),
            1 => Just(Act::Withdraw),
        ]
    }

    proptest! {
        #![proptest_config(ProptestConfig {
            cases: 2000,
            failure_persistence: None,
            ..ProptestConfig::default()
        })]

        /// The model numbers all entries ever, and counts in 64 bits. The first count is near the
        /// end of 32 bits.
        #[test]
        fn whatever_happens_each_entry_goes_out_in_order_and_ends_once(
            start in prop_oneof![Just(0_u32), Just(u32::MAX - 3)],
            acts in prop::collection::vec(act(), 0..80),
        ) {
            let mut queue = Queue { acknowledged: start, ..Queue::default() };
            let (mut pushed, mut count) = (0_u64, u64::from(start));
            // The entries in the queue, and how many of them are written, and were ever.
            let (mut model, mut written, mut sent) = (VecDeque::new(), 0_usize, 0_usize);
            for act in acts {
                match act {
                    Act::Push => {
                        pushed += 1;
                        queue.push(1, pushed);
                        model.push_back(pushed);
                    }
                    Act::Write => {
                        let next = model.get(written).map(|number| (1, number, written == sent));
                        prop_assert_eq!(queue.write(), next);
                        written = model.len().min(written + 1);
                        sent = sent.max(written);
                    }
                    Act::Acknowledge(more) => {
                        let result = queue.acknowledge((count as i64 + more) as u32);
                        match usize::try_from(more) {
                            Err(_) => prop_assert_eq!(result, Ok(vec![])),
                            Ok(more) if more > sent => prop_assert!(result.is_err()),
                            Ok(more) => {
                                prop_assert_eq!(result.unwrap(), model.drain(..more).collect::<Vec<_>>());
                                count += more as u64;
                                (written, sent) = (written.saturating_sub(more), sent - more);
                            }
                        }
                    }
                    Act::Rewind => {
                        queue.rewind();
                        written = 0;
                    }
                    Act::Restart => {
                        prop_assert_eq!(queue.restart(), model.drain(..sent).collect::<Vec<_>>());
                        (written, sent, count) = (0, 0, 0);
                    }
                    Act::Withdraw => {
                        let taken = queue.withdraw(|number| number % 3 == 0);
                        let waits = |(at, number): (usize, &u64)| {
                            (at >= sent && number % 3 == 0).then_some(*number)
                        };
                        let expected: Vec<_> = model.iter().enumerate().filter_map(waits).collect();
                        prop_assert_eq!(&taken, &expected);
                        model.retain(|number| !expected.contains(number));
                    }
                }
                prop_assert_eq!(queue.unacknowledged(), sent);
                prop_assert_eq!((queue.len(), queue.bytes()), (model.len(), model.len()));
            }
        }
    }
}

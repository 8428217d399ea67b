//! What each tab claims, and the stanzas that came while a claim was on its way.

use std::rc::Rc;
use std::time::Duration;

use epode_protocol::{
    Backfill, Claim, ClaimId, Criteria, Delivery, FromWorker, Origin, Position, Selector, Text,
};
use epode_session::stream::jid;

use crate::PortId;
use crate::common::Common;
use crate::inbound::{Inbound, TRANSIT, in_order};
use crate::mailbox::{Gap, TOO_MANY};
use crate::member::{ActiveClaim, JoinKind};
use crate::shared_session::{Phase, SharedSession};

impl<T: Text> SharedSession<T> {
    /// Enters claims for the stream that is up, and answers with the stanzas that they missed since
    /// position `from`. `ago`:
    /// for claims that were made outside of any stanza, how many milliseconds ago that was, by a
    /// clock that may have been set since. Such claims hold from that time on.
    #[inline(never)] // Out of the way of a cold start.
    pub(crate) fn claim(
        &mut self,
        port: PortId,
        mut claims: Vec<Claim>,
        from: Position,
        ago: Option<f64>,
        common: &mut Common<T>,
    ) {
        prepare(&mut claims, common);
        let ago = ago.map(|ago| Duration::from_millis(ago as u64).min(TRANSIT));
        let made = ago.map(|ago| common.now.saturating_sub(ago));
        let member = self.members.iter_mut().find(|member| member.port == port);
        let (Some(member), Some(tab)) = (member, common.tabs.get_mut(&port)) else {
            return debug_assert!(false, "a tab whose stage names this session is a member");
        };
        member.has_claimed = true;
        member.unpark(self.position);
        tab.before = None;
        let unhandled = member.backlog.iter().chain(tab.mailbox.unacknowledged());
        let on_its_way = in_order(unhandled.filter(|inbound| inbound.position > from));
        // A claim that was made outside of any stanza also gets what was on its way to the tab
        // then, and what has come since; but nothing that the tab had already handled for other
        // claims.
        let from = made.map_or(from, |made| {
            let came = self.ring.before(made).unwrap_or(self.position);
            let given = on_its_way.first().map_or(came, |first| first.position - 1);
            came.min(given).max(from).max(member.start).min(self.position)
        });
        // The ring has everything after the position that it forgot last. Of older stanzas there
        // are only those that this tab has not handled.
        let forgotten = self.ring.forgotten();
        let mut behind: Vec<Rc<Inbound<T>>> = on_its_way;
        behind.retain(|inbound| inbound.position <= forgotten);
        behind.extend(self.ring.behind(from).cloned());
        // A tab that joined late is told who is there: its first claims of everybody, a later claim
        // of those that no claim before it heard of. So is each tab of a session that was resumed, since the
        // server does not say so again.
        let resumed = matches!(&self.phase, Phase::Up(info) if info.resumed);
        let late = resumed || matches!(member.entry, JoinKind::Joined | JoinKind::Attached);
        let begins = made.is_none() && from == member.start;
        let comes = |seen: &Inbound<T>| behind.iter().any(|inbound| inbound.position == seen.position);
        let unheard = |seen: &Inbound<T>| {
            (seen.position <= from || seen.position <= forgotten && !comes(seen))
                && (begins || !member.handles(seen))
        };
        let present: Vec<_> = self.presences.iter().filter(|seen| late && unheard(seen)).cloned().collect();
        // Older stanzas than those in the ring were kept only for claims of this tab or of its
        // former page.
        let known = |claim: &Claim| {
            let before = member.former_claims.iter().filter(|_| forgotten <= member.kept_to);
            let mut claims = member.claims.iter().map(|(_, claim)| claim).chain(before);
            claims.any(|known| known.selector == claim.selector && known.since <= from)
        };
        let lost = from < forgotten && !claims.iter().all(known);

        let mut carried = behind.clone();
        carried.retain(|inbound| claims.iter().any(|claim| inbound.is_claimed_by(&claim.selector)));
        if member.backlog.last().is_some_and(|last| last.position <= from) {
            member.backlog.clear();
        }

        let mut answer = Vec::new();
        for Claim { id, selector } in claims {
            let replayed = present.iter().map(|inbound| (inbound, Origin::Replayed));
            let missed = behind.iter().map(|inbound| (inbound, Origin::Received));
            let stanzas = replayed
                .chain(missed)
                .filter(|(inbound, _)| inbound.is_claimed_by(&selector))
                .map(|(inbound, origin)| Delivery(inbound.position, origin, inbound.text.clone()))
                .collect();
            answer.push(Backfill { claim: id, stanzas });
            member.claims.retain(|(known, _)| *known != id);
            member.claims.push((id, ActiveClaim { selector, since: from }));
        }
        // Stanzas that were given up, but are still in the ring, are not missing.
        let given_up = member.take_given_up(forgotten);
        for gap in given_up.into_iter().chain(lost.then(|| Gap::between(from, forgotten))) {
            common.put(port, |mailbox| mailbox.push_gap(gap));
        }
        let claimed = FromWorker::Claimed { claims: answer };
        common.put(port, |mailbox| mailbox.push_with(claimed, carried));
    }

    /// Claims for a stream that was lost while they were on their way. What they missed until then nobody
    /// claims again: the page's next claims hold from the loss on.
    #[inline(never)] // Rare.
    pub(crate) fn claim_too_late(
        &mut self,
        port: PortId,
        mut claims: Vec<Claim>,
        from: Position,
        ago: Option<f64>,
        generation: u32,
        common: &mut Common<T>,
    ) {
        let member = self.members.iter().find(|member| member.port == port);
        let parked = member.and_then(|member| member.parked.as_ref()).filter(|parked| parked.resumes);
        let Some(parked) = parked.filter(|_| self.lost == Some(generation)) else { return };
        prepare(&mut claims, common);
        let made = ago.map(|ago| common.now.saturating_sub(Duration::from_millis(ago as u64).min(TRANSIT)));
        let since = made.and_then(|made| self.ring.before(made)).unwrap_or(from).max(from);
        let until_loss = self.ring.behind(since).take_while(|inbound| inbound.position <= parked.start);
        let missed =
            until_loss.filter(|inbound| claims.iter().any(|claim| inbound.is_claimed_by(&claim.selector)));
        if let Some(gap) = missed.map(|inbound| Gap::at(inbound.position, TOO_MANY)).reduce(Gap::and) {
            common.post(port, gap.told());
        }
    }

    /// Removes claims.
    pub(crate) fn release_claims(&mut self, port: PortId, claims: &[ClaimId]) {
        if let Some(member) = self.member(port) {
            member.claims.retain(|(known, _)| !claims.contains(known));
        }
    }
}

/// Puts the JIDs of claims into the form in which those of stanzas are compared to them.
fn prepare<T>(claims: &mut [Claim], common: &Common<T>) {
    for claim in claims {
        if let Selector::Stanza(Criteria { from: Some(from), .. }) = &mut claim.selector {
            *from = jid::prepared(from, &common.config.unicode).into_owned();
        }
    }
}

//! Rosters (RFC 6121 §2): their items, changes, and pushes.

use std::collections::{BTreeMap, BTreeSet};

use epode_xml::Element;

use super::{Config, ConnectionId, Server, Session};
use crate::{jid::Jid, ns};

/// The contacts of one account, by bare JID.
#[derive(Debug, Default)]
pub(super) struct Roster {
    items: BTreeMap<String, Item>,
}

#[derive(Debug, Default)]
struct Item {
    name: Option<String>,
    groups: Vec<String>,
    subscription: Subscription,
}

/// A subscription state; on this server subscriptions are always mutual.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(super) enum Subscription {
    #[default]
    None,
    Both,
}

/// The first rosters of the accounts: each has all others.
pub(super) fn of_accounts(config: &Config) -> BTreeMap<String, Roster> {
    let jid = |user: &str| format!("{user}@{}", config.domain);
    let others = |user: &str| {
        let others = config.accounts.iter().filter(|account| account.user != user);
        let item = |name: &str| Item {
            name: Some(name.to_owned()),
            groups: Vec::new(),
            subscription: Subscription::Both,
        };
        Roster { items: others.map(|account| (jid(&account.user), item(&account.user))).collect() }
    };
    config.accounts.iter().map(|account| (jid(&account.user), others(&account.user))).collect()
}

impl Roster {
    /// The contacts that share their presence with this account.
    pub fn contacts(&self) -> BTreeSet<String> {
        let mutual = self.items.iter().filter(|(_, item)| item.subscription == Subscription::Both);
        mutual.map(|(jid, _)| jid.clone()).collect()
    }

    fn query(&self) -> Element {
        let query = Element::new("query", ns::ROSTER);
        self.items.iter().fold(query, |query, (jid, item)| query.with_child(item.element(jid)))
    }
}

impl Item {
    fn element(&self, jid: &str) -> Element {
        let subscription = match self.subscription {
            Subscription::None => "none",
            Subscription::Both => "both",
        };
        let item =
            Element::new("item", ns::ROSTER).with_attr("jid", jid).with_attr("subscription", subscription);
        let item = self.name.iter().fold(item, |item, name| item.with_attr("name", name));
        self.groups
            .iter()
            .fold(item, |item, group| item.with_child(Element::new("group", ns::ROSTER).with_text(group)))
    }
}

impl Server {
    pub(super) fn read_roster(&mut self, id: ConnectionId, sender: &Jid, iq: &Element) {
        if let Some(session) = self.session_mut(id) {
            session.interested = true;
        }
        let query = self.rosters.get(&sender.bare).map_or_else(|| Roster::default().query(), Roster::query);
        self.reply(id, iq, "result", Some(query));
    }

    /// RFC 6121 §2.3 and §2.5: adds, changes or removes exactly one item.
    pub(super) fn write_roster(&mut self, id: ConnectionId, sender: &Jid, iq: &Element, query: &Element) {
        let items: Vec<&Element> = query.children().filter(|child| child.is("item", ns::ROSTER)).collect();
        let jid = match items[..] {
            [item] => item.attr("jid").and_then(Jid::parse),
            _ => None,
        };
        let (Some(contact), [item]) = (jid, &items[..]) else { return self.refuse(id, iq, "bad-request") };
        let Some(roster) = self.rosters.get_mut(&sender.bare) else {
            return self.refuse(id, iq, "not-allowed");
        };
        if item.attr("subscription") == Some("remove") {
            if roster.items.remove(&contact.bare).is_none() {
                return self.refuse(id, iq, "item-not-found");
            }
            self.push_item(&sender.bare, &contact.bare);
            self.set_subscription(&contact.bare, &sender.bare, Subscription::None);
        } else {
            let entry = roster.items.entry(contact.bare.clone()).or_default();
            entry.name = item.attr("name").map(str::to_owned);
            let groups = item.children().filter(|child| child.is("group", ns::ROSTER));
            entry.groups = groups.map(Element::text).collect();
            self.push_item(&sender.bare, &contact.bare);
        }
        self.reply(id, iq, "result", None);
    }

    /// Changes the subscription of `account` with `contact`. An unknown account has no roster to
    /// change.
    pub(super) fn set_subscription(&mut self, account: &str, contact: &str, subscription: Subscription) {
        let Some(roster) = self.rosters.get_mut(account) else { return };
        let is_known = roster.items.contains_key(contact);
        if is_known || subscription == Subscription::Both {
            roster.items.entry(contact.to_owned()).or_default().subscription = subscription;
            self.push_item(account, contact);
        }
    }

    /// Sends a roster push to every session that has asked for its roster (RFC 6121 §2.1.6).
    fn push_item(&mut self, account: &str, contact: &str) {
        let Some(roster) = self.rosters.get(account) else { return };
        let item = roster.items.get(contact).map_or_else(
            || Element::new("item", ns::ROSTER).with_attr("jid", contact).with_attr("subscription", "remove"),
            |item| item.element(contact),
        );
        let query = Element::new("query", ns::ROSTER).with_child(item);
        let is_interested = |session: &Session| session.jid.bare == account && session.interested;
        let interested: Vec<_> = self
            .sessions()
            .filter(|(_, session)| is_interested(session))
            .map(|(id, session)| (id, session.jid.to_string()))
            .collect();
        for (id, jid) in interested {
            let push = Element::new("iq", ns::CLIENT)
                .with_attr("type", "set")
                .with_attr("id", &format!("push-{}", self.random.token(6)))
                .with_attr("to", &jid)
                .with_child(query.clone());
            self.send(id, &push);
        }
    }
}

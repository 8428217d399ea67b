//! Stanzas that are sent again in a new session, after the server has lost the former one.

use epode_session::stream::xml::{Element, Head, Limits};

const CLIENT: &str = "jabber:client";
const DELAY: &str = "urn:xmpp:delay";

/// The text by which a stanza is sent again: a message, with the time at which it was `made` (XEP-0203).
/// `None` if the stanza must not be sent again. `known`: whether it is known that the server has not
/// handled it.
pub(super) fn repeated(text: &str, known: bool, made: f64) -> Option<String> {
    let stanza = Element::parse(text, &Limits::default()).ok()?;
    let may = stanza.is("message", CLIENT)
        && match stanza.attr("type") {
            // Recipients weed out what they get twice by its id.
            None | Some("chat" | "normal") => known || stanza.attr("id").is_some(),
            Some("groupchat" | "error") => false,
            Some(_) => known,
        };
    let is_delayed = stanza.child("delay", DELAY).is_some();
    let delay = || Element::new("delay", DELAY).with_attr("stamp", &stamp(made));
    may.then(|| if is_delayed { stanza } else { stanza.with_child(delay()) }.to_string())
}

/// The text with this JID as its sender, if it names any.
pub(super) fn readdressed(text: &str, jid: &str) -> Option<String> {
    let head = Head::read(text, &Limits::default()).ok()?;
    head.from.as_deref().filter(|from| *from != jid)?;
    Some(Element::parse(text, &Limits::default()).ok()?.with_attr("from", jid).to_string())
}

/// Whether a presence is for everybody who is subscribed.
pub(super) fn is_undirected(text: &str) -> bool {
    Head::read(text, &Limits::default()).is_ok_and(|head| head.to.is_none())
}

pub(super) fn id(text: &str) -> Option<Box<str>> {
    Head::read(text, &Limits::default()).ok()?.id
}

/// A time of day, in milliseconds since 1970, in the format of XEP-0082.
fn stamp(made: f64) -> String {
    let seconds = (made / 1000.0) as u64;
    let (days, of_day) = (seconds / 86_400, seconds % 86_400);
    // Howard Hinnant's `civil_from_days`, with eras of 400 years from 1 March of year 0.
    let shifted = days + 719_468;
    let (era, of_era) = (shifted / 146_097, shifted % 146_097);
    let year_of_era = (of_era - of_era / 1_460 + of_era / 36_524 - of_era / 146_096) / 365;
    let of_year = of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    let month_from_march = (5 * of_year + 2) / 153;
    let day = of_year - (153 * month_from_march + 2) / 5 + 1;
    let month = if month_from_march < 10 { month_from_march + 3 } else { month_from_march - 9 };
    let year = 400 * era + year_of_era + u64::from(month <= 2);
    let (hour, minute, second) = (of_day / 3600, of_day / 60 % 60, of_day % 60);
    format!("{year:04}-{month:02}-{day:02}T{hour:02}:{minute:02}:{second:02}Z")
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

    use super::*;

    const MADE: f64 = 1_767_225_600_999.0;

    #[test]
    fn messages_to_persons_are_sent_again_with_the_time_at_which_they_were_sent() {
        let delay = "<delay xmlns='urn:xmpp:delay' stamp='2026-01-01T00:00:00Z'/>";
        for kind in ["", " type='chat'", " type='normal'"] {
            let message =
                format!("<message xmlns='jabber:client' id='1'{kind}><body>a &amp; b</body></message>");
            let expected = message.replace("</message>", &format!("{delay}</message>"));
            for known in [true, false] {
                let repeated = repeated(&message, known, MADE).unwrap();
                let parse = |text: &str| Element::parse(text, &Limits::default()).unwrap();
                assert_eq!(parse(&repeated), parse(&expected), "{repeated}");
            }
            let nameless = message.replace(" id='1'", "");
            assert!(repeated(&nameless, true, MADE).is_some());
            assert_eq!(repeated(&nameless, false, MADE), None);
        }
        let delayed = format!("<message xmlns='jabber:client'>{delay}</message>");
        assert_eq!(repeated(&delayed, true, 0.0).unwrap().matches("<delay").count(), 1);
    }

    #[test]
    fn nothing_else_is_sent_again_unless_the_server_surely_has_not_handled_it() {
        let headline = "<message xmlns='jabber:client' type='headline' id='1'/>";
        assert!(repeated(headline, true, MADE).is_some());
        assert_eq!(repeated(headline, false, MADE), None);
        for stanza in [
            "<message xmlns='jabber:client' type='groupchat' id='1'/>",
            "<message xmlns='jabber:client' type='error' id='1'/>",
            "<iq xmlns='jabber:client' type='get' id='1'><q xmlns='q'/></iq>",
            "<presence xmlns='jabber:client' to='room@muc/nick'/>",
            "<presence xmlns='jabber:client'/>",
        ] {
            assert_eq!(repeated(stanza, true, MADE), None, "{stanza}");
        }
    }

    #[test]
    fn a_stanza_that_names_its_sender_names_the_new_one() {
        let message = "<message xmlns='jabber:client' from='a@b/old' to='c@d'/>";
        let new = readdressed(message, "a@b/new").unwrap();
        assert!(new.contains("from='a@b/new'") && !new.contains("old"), "{new}");
        assert_eq!(readdressed(message, "a@b/old"), None);
        assert_eq!(readdressed("<message xmlns='jabber:client'/>", "a@b/new"), None);
    }
}

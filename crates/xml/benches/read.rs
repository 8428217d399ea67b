//! Time to read one stanza: `cargo bench -p epode-xml`.
#![allow(clippy::print_stdout, reason = "the numbers are the purpose")]
#![allow(clippy::unwrap_used, reason = "the stanzas are well-formed")]
#![allow(clippy::disallowed_types, reason = "a benchmark reads the clock")]

use epode_xml::{Element, Head, Limits};
use std::hint::black_box;
use std::time::Instant;

fn main() {
    for bytes in [300, 2048] {
        let stanza = message(bytes);
        let head =
            nanoseconds(|| drop(black_box(Head::read(black_box(&stanza), &Limits::default()).unwrap())));
        let element =
            nanoseconds(|| drop(black_box(Element::parse(black_box(&stanza), &Limits::default()).unwrap())));
        println!("{:>5} bytes: Head::read {head:>6.0} ns, Element::parse {element:>6.0} ns", stanza.len());
    }
}

/// The best of several runs, in nanoseconds per call: other work on the machine only ever adds
/// time.
fn nanoseconds(read: impl Fn()) -> f64 {
    const ROUNDS: u32 = 20_000;
    let run = || {
        let start = Instant::now();
        (0..ROUNDS).for_each(|_| read());
        start.elapsed().as_secs_f64() * 1e9 / f64::from(ROUNDS)
    };
    (0..10).map(|_| run()).fold(f64::INFINITY, f64::min)
}

/// A chat message of about this size: the usual extensions, then blocks of markup and text.
fn message(bytes: usize) -> String {
    let end = "</message>";
    let mut stanza = String::from(
        "<message xmlns='jabber:client' from='juliet@capulet.example/balcony' \
         to='romeo@montague.example/orchard' \
         type='chat' id='3f1c7c0e'><body>Wherefore art thou?</body>\
         <active xmlns='http://jabber.org/protocol/chatstates'/>\
         <request xmlns='urn:xmpp:receipts'/>",
    );
    for number in 0.. {
        let block = format!(
            "<item jid='nurse{number}@capulet.example' name='A &amp; B'>\
             <group>Family &lt;{number}></group></item>"
        );
        if stanza.len() + block.len() + end.len() > bytes + 60 {
            break;
        }
        stanza.push_str(&block);
    }
    stanza + end
}

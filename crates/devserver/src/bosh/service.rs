//! What the query of an address asks of the service there.

use std::time::Duration;

use axum::http::StatusCode;
use epode_testkit::bosh::Terms;

/// A service. Its query is a list of `name=value`:
///
/// | name | |
/// |---|---|
/// | `inactivity` | for how many seconds a session lives without a held request; 60 |
/// | `fault` | the misbehaviour, see below |
/// | `from` | how many POSTs are answered well before; 0 |
/// | `times` | how many POSTs are answered so; all, by default |
/// | `status` | the status of `fault=status` and `fault=redirect` |
/// | `seed` | the seed of `fault=cut` |
///
/// Any other name is a mark by which a test tells its requests from others.
///
/// | fault | |
/// |---|---|
/// | `late-features` | the first response has no features |
/// | `disorder` | every second response is late, and the next overtakes it |
/// | `cut` | connections break at random, before the server has heard the request or within the response |
/// | `html` | a page with status 200 |
/// | `status` | a page with the status |
/// | `redirect` | a redirect with the status, to an address that tells the journal who follows it |
/// | `cors` | no header allows the page to read the response |
/// | `dead-sid` | the session is not known any more |
/// | `silent` | no response |
/// | `error` | the recoverable `type='error'` (XEP-0124 §17.3) |
/// | `not-xml`, `not-body`, `namespace`, `empty` | a response that is no body |
/// | `no-sid` | the first response names no session |
/// | `large` | 10 MB |
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Service {
    pub terms: Terms,
    fault: Option<Fault>,
    from: u64,
    times: u64,
}

/// A misbehaviour towards one request.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Fault {
    Html,
    Status(StatusCode),
    Redirect(StatusCode),
    Cors,
    Silent,
    DeadSid,
    NoSid,
    Large,
    Disorder,
    Cut(u64),
    /// This text in the place of the response.
    Body(&'static str),
}

impl Service {
    /// Reads the query; the error is a sentence.
    pub fn read(query: &str) -> Result<Self, String> {
        let value = |name: &str| {
            let pairs = query.split('&').filter_map(|pair| pair.split_once('='));
            pairs.into_iter().find(|(of, _)| *of == name).map(|(_, value)| value)
        };
        let number = |name: &str, fallback: u64| match value(name) {
            Some(text) => text.parse().map_err(|_| format!("{name}={text} is no number\n")),
            None => Ok(fallback),
        };
        let status = |fallback| {
            let number = number("status", fallback)?;
            let status = u16::try_from(number).ok().and_then(|number| StatusCode::from_u16(number).ok());
            status.ok_or_else(|| format!("status={number} is no status of HTTP\n"))
        };
        let late_features = value("fault") == Some("late-features");
        let fault = match value("fault") {
            None | Some("late-features") => None,
            Some("html") => Some(Fault::Html),
            Some("status") => Some(Fault::Status(status(502)?)),
            Some("redirect") => Some(Fault::Redirect(status(307)?)),
            Some("cors") => Some(Fault::Cors),
            Some("silent") => Some(Fault::Silent),
            Some("dead-sid") => Some(Fault::DeadSid),
            Some("no-sid") => Some(Fault::NoSid),
            Some("large") => Some(Fault::Large),
            Some("disorder") => Some(Fault::Disorder),
            Some("cut") => Some(Fault::Cut(number("seed", 0)?)),
            Some("error") => {
                Some(Fault::Body("<body xmlns='http://jabber.org/protocol/httpbind' type='error'/>"))
            }
            Some("not-xml") => {
                Some(Fault::Body("<body xmlns='http://jabber.org/protocol/httpbind'><message></body>"))
            }
            Some("not-body") => Some(Fault::Body("<bodies xmlns='http://jabber.org/protocol/httpbind'/>")),
            Some("namespace") => Some(Fault::Body("<body xmlns='urn:example:surprise'/>")),
            Some("empty") => Some(Fault::Body("")),
            Some(other) => return Err(format!("there is no fault {other}\n")),
        };
        let terms = Terms { inactivity: Duration::from_secs(number("inactivity", 60)?), late_features };
        Ok(Self { terms, fault, from: number("from", 0)?, times: number("times", u64::MAX)? })
    }

    /// The misbehaviour towards the request with this number.
    pub fn fault(&self, number: u64) -> Option<Fault> {
        let is_meant = number >= self.from && number - self.from < self.times;
        self.fault.filter(|_| is_meant)
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "a panic is how a test fails")]

    use super::*;

    #[test]
    fn a_query_says_what_goes_wrong_and_when() {
        let service = Service::read("fault=status&status=404&from=2&times=1&inactivity=5&mark=a").unwrap();
        assert_eq!(service.terms.inactivity, Duration::from_secs(5));
        let faults: Vec<_> = (0..5).map(|number| service.fault(number)).collect();
        assert_eq!(faults, [None, None, Some(Fault::Status(StatusCode::NOT_FOUND)), None, None]);
        assert_eq!(Service::read("").unwrap().fault(0), None);
        assert!(Service::read("fault=late-features").unwrap().terms.late_features);
    }

    #[test]
    fn a_query_that_is_not_understood_says_so() {
        for (query, reason) in [
            ("fault=nonsense", "there is no fault nonsense\n"),
            ("from=soon", "from=soon is no number\n"),
            ("fault=status&status=9", "status=9 is no status of HTTP\n"),
        ] {
            assert_eq!(Service::read(query).unwrap_err(), reason);
        }
    }
}

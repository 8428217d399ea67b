//! What the app asked for and has not heard the end of.

use epode_protocol::Token;

use crate::messages::Command;

/// Sends, requests and questions about the tabs, by their tokens, each in the order in which they were made.
#[derive(Default)]
pub(crate) struct Open {
    pub(crate) sends: Vec<Token>,
    pub(crate) requests: Vec<Token>,
    pub(crate) questions: Vec<Token>,
    latest: Token,
}

impl Open {
    /// The first of so many tokens, which rise by one.
    pub(crate) fn number(&mut self, count: u32) -> Token {
        let first = self.latest + 1;
        self.latest += count;
        first
    }

    /// The app gives this command.
    pub(crate) fn note(&mut self, command: &Command) {
        match command {
            Command::Send { stanzas } => self.sends.extend(stanzas.iter().map(|sent| sent.token)),
            Command::Request { token } => self.requests.push(*token),
            Command::Tabs { token } => self.questions.push(*token),
            _ => {}
        }
    }

    /// All sends up to this one were written.
    pub(crate) fn written(&mut self, up_to: Token) {
        self.sends.retain(|token| *token > up_to);
    }

    /// Whether this send was open.
    pub(crate) fn end_send(&mut self, token: Token) -> bool {
        take(&mut self.sends, token)
    }

    /// Whether this request was open.
    pub(crate) fn end_request(&mut self, token: Token) -> bool {
        take(&mut self.requests, token)
    }

    /// Whether this question was open.
    pub(crate) fn end_question(&mut self, token: Token) -> bool {
        take(&mut self.questions, token)
    }

    /// Takes out all sends and requests but for what still waits to be said, and all questions.
    pub(crate) fn lose(&mut self, waits: impl Fn(&Token) -> bool) -> Open {
        let Open { sends, requests, questions, latest } = std::mem::take(self);
        let (waiting_sends, sends) = sends.into_iter().partition(&waits);
        let (waiting_requests, requests) = requests.into_iter().partition(&waits);
        *self = Open { sends: waiting_sends, requests: waiting_requests, questions: Vec::new(), latest };
        Open { sends, requests, questions, latest }
    }
}

/// Takes a token out; whether it was there.
fn take(tokens: &mut Vec<Token>, token: Token) -> bool {
    let before = tokens.len();
    tokens.retain(|known| *known != token);
    tokens.len() < before
}

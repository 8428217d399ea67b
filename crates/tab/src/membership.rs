//! Which session this tab is in, or on its way into, and how it would come back.

use epode_protocol::port::Value;
use epode_protocol::{Status, StatusCode};

use crate::messages::Command;

/// What the tab knows of its session.
pub(crate) struct Membership<V> {
    request: Option<JoinRequest<V>>,
    belief: Belief,
    /// The account, once the session was up.
    account: Option<String>,
}

/// How the app asked to join. The message stays with the tab until the session is over, credentials and all,
/// so that the tab can say it to the next worker.
enum JoinRequest<V> {
    Connect(V),
    Attach { service: String, message: V },
}

/// What to say to a new worker, to be where the tab was.
pub(crate) enum Rejoin<V> {
    /// What the app said.
    Again(V),
    /// That the session of this account is to be restored.
    Restore { service: String, jid: String },
}

/// What the app believes, and must hear when it is not so any more.
#[derive(Clone, Copy, PartialEq, Eq, Default)]
enum Belief {
    /// It is in no session.
    #[default]
    Out,
    /// It is joining one.
    Joining,
    /// It is in one.
    Up,
    /// It was in one, and will be again.
    Rejoining,
    /// It has told the worker to end it.
    Leaving,
}

impl<V> Default for Membership<V> {
    fn default() -> Self {
        Membership { request: None, belief: Belief::Out, account: None }
    }
}

impl<V: Value + Clone> Membership<V> {
    pub(crate) fn is_up(&self) -> bool {
        self.belief == Belief::Up
    }

    /// Whether this is a command to join a session or to end one.
    pub(crate) fn changes_session(command: &Command) -> bool {
        command.joins() || matches!(command, Command::Disconnect(_))
    }

    /// The app gives this command, by this message.
    pub(crate) fn note_command(&mut self, command: &Command, message: &V) {
        self.request = Some(match command {
            Command::Connect(_) => JoinRequest::Connect(message.clone()),
            Command::Attach { service }
            | Command::AttachBosh { service }
            | Command::Negotiate { service } => {
                JoinRequest::Attach { service: service.clone(), message: message.clone() }
            }
            _ => return,
        });
        self.account = None;
        self.belief = Belief::Joining;
    }

    /// The worker was told this.
    pub(crate) fn note_said(&mut self, command: &Command) {
        if matches!(command, Command::Disconnect(_)) && self.belief != Belief::Out {
            self.belief = Belief::Leaving;
        }
    }

    /// The worker says this, and whose session is up.
    pub(crate) fn note_status(&mut self, code: StatusCode, jid: Option<String>) {
        match code {
            StatusCode::Connected | StatusCode::Attached => {
                self.belief = Belief::Up;
                self.account = jid;
                if let Some(JoinRequest::Connect(message)) = &mut self.request {
                    // Who was in a session comes back without waiting.
                    *message = message.with_flag("Connect options explicit_binding", false);
                }
            }
            StatusCode::Reconnecting if self.belief == Belief::Up => self.belief = Belief::Rejoining,
            StatusCode::Disconnected | StatusCode::AttachFail => *self = Membership::default(),
            _ => {}
        }
    }

    /// The worker died, and how that was told. What the app must hear of it, if it was in a session.
    pub(crate) fn note_death(&mut self, how: &str) -> Option<Status> {
        let was = self.belief;
        match was {
            Belief::Out => return None,
            Belief::Joining => return None,
            Belief::Leaving => {
                // Whether the worker came to end it or not: nobody here wants it back.
                *self = Membership::default();
                return Some(said(StatusCode::Disconnected, how));
            }
            Belief::Up | Belief::Rejoining => self.belief = Belief::Rejoining,
        }
        (was == Belief::Up)
            .then(|| said(StatusCode::Reconnecting, &(how.to_owned() + "; another is being started")))
    }

    /// There will be no worker. What the app must hear of it.
    pub(crate) fn note_loss(&mut self, text: &str) -> Vec<Status> {
        let codes: &[StatusCode] = match std::mem::take(self).belief {
            Belief::Out => &[],
            Belief::Joining => &[StatusCode::ConnFail, StatusCode::Disconnected],
            Belief::Up | Belief::Rejoining | Belief::Leaving => &[StatusCode::Disconnected],
        };
        codes.iter().map(|code| said(*code, text)).collect()
    }

    /// What to say to a new worker.
    pub(crate) fn rejoin(&self) -> Option<Rejoin<V>> {
        Some(match (self.request.as_ref()?, &self.account) {
            // While it was joining, what it said went to the worker that died, if it was said at all.
            (JoinRequest::Attach { service, .. }, Some(jid)) if self.belief != Belief::Joining => {
                Rejoin::Restore { service: service.clone(), jid: jid.clone() }
            }
            (JoinRequest::Attach { message, .. } | JoinRequest::Connect(message), _) => {
                Rejoin::Again(message.clone())
            }
        })
    }
}

fn said(code: StatusCode, text: &str) -> Status {
    Status {
        code,
        condition: None,
        text: Some(text.to_owned()),
        features: None,
        session: None,
        close_code: None,
    }
}

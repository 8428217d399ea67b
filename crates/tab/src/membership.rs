//! Which session this tab is in, or on its way into, and how it would come back.

use epode_protocol::{Credentials, Options, Status, StatusCode, ToWorker};

/// What the tab knows of its session.
#[derive(Default)]
pub(crate) struct Membership {
    request: Option<JoinRequest>,
    belief: Belief,
    /// The account, once the session was up.
    account: Option<String>,
}

/// How the app asked to join. The credentials stay with the tab that was given them until the session is
/// over, so that it can bring them to the next worker.
enum JoinRequest {
    Connect { service: String, jid: String, credentials: Credentials, options: Options },
    Attach { service: String, jid: Option<String>, explicit_binding: bool },
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

impl Membership {
    pub(crate) fn is_up(&self) -> bool {
        self.belief == Belief::Up
    }

    /// Whether this is a wish to be in a session, or to be in none.
    pub(crate) fn is_wish_for<T>(wish: &ToWorker<T>) -> bool {
        matches!(wish, ToWorker::Connect { .. } | ToWorker::Attach { .. } | ToWorker::Disconnect { .. })
    }

    /// The app wishes this.
    pub(crate) fn note_wish<T>(&mut self, wish: &ToWorker<T>) {
        self.request = match wish {
            ToWorker::Connect { service, jid, credentials, options } => Some(JoinRequest::Connect {
                service: service.clone(),
                jid: jid.clone(),
                credentials: credentials.clone(),
                options: options.clone(),
            }),
            ToWorker::Attach { service, jid, explicit_binding } => Some(JoinRequest::Attach {
                service: service.clone(),
                jid: jid.clone(),
                explicit_binding: *explicit_binding,
            }),
            // Whoever leaves does not come back as the same page: nothing is kept for it.
            ToWorker::Leave => return *self = Membership::default(),
            _ => return,
        };
        self.account = None;
        self.belief = Belief::Joining;
    }

    /// The worker was told this.
    pub(crate) fn note_said<T>(&mut self, wish: &ToWorker<T>) {
        if matches!(wish, ToWorker::Disconnect { .. }) && self.belief != Belief::Out {
            self.belief = Belief::Leaving;
        }
    }

    /// The worker says this.
    pub(crate) fn note_status(&mut self, status: &Status) {
        match status.code {
            StatusCode::Connected | StatusCode::Attached => {
                self.belief = Belief::Up;
                self.account = status.session.as_ref().map(|session| session.jid.clone());
                if let Some(JoinRequest::Connect { options, .. }) = &mut self.request {
                    // Who was in a session comes back without waiting.
                    options.explicit_binding = false;
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

    /// What to say to a new worker, to be where the tab was.
    pub(crate) fn rejoin<T>(&self) -> Option<ToWorker<T>> {
        let wish = self.request.as_ref()?;
        if self.belief == Belief::Joining {
            // If it was said at all, then to the worker that died.
            return Some(wish.said());
        }
        match (wish, &self.account) {
            (JoinRequest::Attach { service, .. }, Some(jid)) => {
                Some(ToWorker::Restore { service: service.clone(), jid: jid.clone() })
            }
            (wish, _) => Some(wish.said()),
        }
    }
}

impl JoinRequest {
    fn said<T>(&self) -> ToWorker<T> {
        match self {
            JoinRequest::Connect { service, jid, credentials, options } => ToWorker::Connect {
                service: service.clone(),
                jid: jid.clone(),
                credentials: credentials.clone(),
                options: options.clone(),
            },
            JoinRequest::Attach { service, jid, explicit_binding } => ToWorker::Attach {
                service: service.clone(),
                jid: jid.clone(),
                explicit_binding: *explicit_binding,
            },
        }
    }
}

fn said(code: StatusCode, text: &str) -> Status {
    Status { code, condition: None, text: Some(text.to_owned()), session: None, close_code: None }
}

use epode_sasl::{Allowed, Choice, Credentials, Error, MechanismName, Proof, ScramKeys, Secret, choose};

use crate::user;

const EVERYTHING: &[&str] = &[
    "ANONYMOUS",
    "PLAIN",
    "SCRAM-SHA-1",
    "SCRAM-SHA-1-PLUS",
    "SCRAM-SHA-384",
    "SCRAM-SHA-512",
    "SCRAM-SHA-256",
];

#[test]
fn the_strongest_that_the_server_offers_wins_whatever_its_place_in_the_list() {
    let mut offered = EVERYTHING.to_vec();
    for strongest in ["SCRAM-SHA-512", "SCRAM-SHA-384", "SCRAM-SHA-256", "SCRAM-SHA-1", "PLAIN"] {
        assert_eq!(chosen(&offered, &user(), true).unwrap().as_str(), strongest);
        offered.retain(|&name| name != strongest);
    }
    assert_eq!(chosen(&offered, &Credentials::default(), true), Ok(MechanismName::Anonymous));
}

#[test]
fn the_apps_priorities_outrank_ours_and_of_equals_the_first_wins() {
    let allowed = |first: (MechanismName, u32), second: (MechanismName, u32)| {
        [first, second].map(|(name, priority)| Allowed { name, priority })
    };
    let choose_from = |allowed: &[Allowed]| {
        choose(&Choice { offered: EVERYTHING, allowed, credentials: &user(), plaintext: true })
    };
    use MechanismName::{Plain, ScramSha1};
    assert_eq!(choose_from(&allowed((Plain, 2), (ScramSha1, 1))), Ok(Plain));
    assert_eq!(choose_from(&allowed((Plain, 1), (ScramSha1, 2))), Ok(ScramSha1));
    assert_eq!(choose_from(&allowed((ScramSha1, 1), (Plain, 1))), Ok(ScramSha1));
    assert_eq!(choose_from(&allowed((Plain, 1), (ScramSha1, 1))), Ok(Plain));
}

#[test]
fn a_mechanism_that_the_app_does_not_allow_is_not_chosen() {
    let allowed = [MechanismName::ScramSha1.into(), MechanismName::Plain.into()];
    let choice = Choice { offered: EVERYTHING, allowed: &allowed, credentials: &user(), plaintext: true };
    assert_eq!(choose(&choice), Ok(MechanismName::ScramSha1));
    assert!(matches!(choose(&Choice { allowed: &[], ..choice }), Err(Error::NoMechanism { .. })));
}

#[test]
fn a_mechanism_of_the_apps_own_needs_nothing_but_to_be_offered_and_outranks_by_its_priority() {
    let own = MechanismName::Foreign("X-ECHO".to_owned());
    let offered = ["PLAIN", "X-ECHO"];
    for (priority, expected) in [(49, MechanismName::Plain), (51, own.clone())] {
        let allowed = [Allowed { name: own.clone(), priority }, MechanismName::Plain.into()];
        let choice = Choice { offered: &offered, allowed: &allowed, credentials: &user(), plaintext: true };
        assert_eq!(choose(&choice), Ok(expected));
        let nobody = Credentials::default();
        assert_eq!(choose(&Choice { credentials: &nobody, plaintext: false, ..choice }), Ok(own.clone()));
        assert!(choose(&Choice { offered: &["x-echo"], credentials: &nobody, ..choice }).is_err());
    }
}

#[test]
fn a_password_without_a_user_or_a_user_without_a_password_fits_nothing_but_anonymous() {
    let nameless = Credentials { authcid: Some(String::new()), ..user() };
    assert_eq!(chosen(EVERYTHING, &nameless, true), Ok(MechanismName::Anonymous));
    let passwordless = Credentials { proof: None, ..user() };
    assert_eq!(
        chosen(EVERYTHING, &passwordless, true),
        Err(Error::NoMechanism { offered: EVERYTHING.iter().map(|&name| name.to_owned()).collect() })
    );
}

#[test]
fn an_empty_password_is_a_password() {
    let empty = Credentials { proof: Some(Secret::new(String::new()).into()), ..user() };
    assert_eq!(chosen(EVERYTHING, &empty, true), Ok(MechanismName::ScramSha512));
}

#[test]
fn a_named_user_does_not_become_anonymous() {
    assert_eq!(
        chosen(&["ANONYMOUS"], &user(), true),
        Err(Error::NoMechanism { offered: vec!["ANONYMOUS".to_owned()] })
    );
}

#[test]
fn plain_is_refused_by_name_where_it_alone_is_left_on_a_transport_that_shows_it() {
    assert_eq!(
        chosen(&["PLAIN", "X-UNKNOWN"], &user(), false),
        Err(Error::PlaintextRefused(MechanismName::Plain))
    );
    assert_eq!(chosen(&["PLAIN", "SCRAM-SHA-1"], &user(), false), Ok(MechanismName::ScramSha1));
}

#[test]
fn a_token_is_shown_as_little_as_a_password() {
    let token = Credentials { jid: Some("user@example.net".to_owned()), ..user() };
    for name in [MechanismName::OAuthBearer, MechanismName::XOAuth2] {
        assert_eq!(chosen(&[name.as_str()], &token, true), Ok(name.clone()));
        assert_eq!(chosen(&[name.as_str()], &token, false), Err(Error::PlaintextRefused(name.clone())));
        for unfit in
            [Credentials { proof: None, ..token.clone() }, Credentials { jid: None, ..token.clone() }]
        {
            assert!(matches!(chosen(&[name.as_str()], &unfit, true), Err(Error::NoMechanism { .. })));
        }
    }
}

#[test]
fn external_comes_last_and_only_where_nothing_else_was_given_to_prove_who_we_are() {
    let offered = ["EXTERNAL", "ANONYMOUS", "X-OAUTH2"];
    let with = |proof: Option<Proof>| Credentials { proof, ..user() };
    let typed = |password: &str| Some(Secret::new(password.to_owned()).into());
    let keys =
        ScramKeys::parse("SHA-1$4096:c2FsdA==$AAAAAAAAAAAAAAAAAAAAAAAAAAA=:AAAAAAAAAAAAAAAAAAAAAAAAAAA=");
    assert_eq!(chosen(&offered, &Credentials::default(), false), Ok(MechanismName::Anonymous));
    for nothing in [None, typed("")] {
        assert_eq!(chosen(&offered[..2], &with(nothing), false), Ok(MechanismName::External));
    }
    for something in [typed("pencil"), Some(Proof::Keys(keys.unwrap()))] {
        let refused = chosen(&offered, &with(something), true);
        assert!(matches!(refused, Err(Error::NoMechanism { .. })), "{refused:?}");
    }
}

#[test]
fn names_are_read_exactly() {
    for name in MechanismName::ALL {
        assert_eq!(MechanismName::parse(name.as_str()).as_ref(), Some(name));
    }
    for stranger in ["", "plain", "SCRAM-SHA-1-PLUS", "PLAIN ", "DIGEST-MD5"] {
        assert_eq!(MechanismName::parse(stranger), None, "{stranger}");
    }
    let priorities: Vec<u32> = MechanismName::ALL.iter().map(|name| name.priority()).collect();
    assert_eq!(priorities, [72, 71, 70, 60, 50, 40, 30, 20, 10]);
}

fn chosen(offered: &[&str], credentials: &Credentials, plaintext: bool) -> Result<MechanismName, Error> {
    let allowed: Vec<Allowed> = MechanismName::ALL.iter().rev().cloned().map(Into::into).collect();
    choose(&Choice { offered, allowed: &allowed, credentials, plaintext })
}

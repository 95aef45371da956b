use super::key::{KEYS, Missing};
use super::*;

const DOCUMENT: &str = include_str!("../../../../docs/configuration.md");
const SMALL: &str = "[server]\nurl = \"http://127.0.0.1:1\"\n[source.desk]\nkind = \"wav\"\n\
                     path = \"speech.wav\"\n[store]\ndata_dir = \"data\"\n";

fn variables(given: &[(&str, &str)]) -> Vec<(OsString, OsString)> {
    given.iter().map(|(name, value)| (name.into(), value.into())).collect()
}

fn parse(text: &str, given: &[(&str, &str)]) -> Result<Config, String> {
    let path = Path::new("/etc/earmark.toml");
    Config::parse(path, text, variables(given)).map_err(|refused| refused.to_string())
}

fn refused(text: &str) -> String {
    parse(text, &[]).expect_err(text)
}

#[test]
fn the_document_has_every_key_and_no_other() {
    let rows =
        DOCUMENT.lines().filter(|line| line.starts_with("| `") && line.matches(" | ").count() == 3);
    let row = |key: &key::Key| {
        let missing = match key.missing {
            Missing::Refused => String::from("must be given"),
            Missing::None => String::from("–"),
            Missing::Text(text) => format!("`\"{text}\"`"),
            Missing::Whole(number) => format!("`{number}`"),
            Missing::Flag(flag) => format!("`{flag}`"),
        };
        let (name, expected) = (key.full_name(), value::expected(key.shape));
        format!("| `{name}` | {expected} | {missing} | {} |", key.about)
    };
    let expected: Vec<String> = KEYS.iter().map(row).collect();
    assert_eq!(rows.collect::<Vec<_>>(), expected, "expected:\n{}", expected.join("\n"));
}

#[test]
fn a_key_that_is_left_out_has_the_value_that_is_documented() {
    let config = parse(SMALL, &[]).expect("it is a good one");
    assert_eq!(config.server.api, Api::V2);
    assert_eq!(config.store.data_dir, Path::new("/etc/data"));
    assert_eq!(config.control_socket, Path::new("/etc/data/control.sock"));
    assert_eq!(config.store.free_bytes_min, 64 << 20);
    assert_eq!((config.store.bytes_max, config.store.retention), (None, None));
    assert_eq!(config.sources[0].device.as_str(), "desk");
    let path = PathBuf::from("/etc/speech.wav");
    assert_eq!(config.sources[0].input, Input::Wav { path, paced: true, repeat: false });
}

#[test]
fn every_key_can_be_given_in_the_file_and_every_one_is_checked() {
    for key in KEYS {
        let wrong = if key.shape == key::Shape::Flag { "5" } else { "false" };
        let name = if key.section.has_names() { ".desk" } else { "" };
        let text = format!("[{}{name}]\n{} = {wrong}\n", key.section.name(), key.name);
        let fault = refused(&text);
        let place = format!("/etc/earmark.toml:2: {}:", key.name);
        assert!(fault.contains(&place), "{text}: {fault}");
    }
}

#[test]
fn a_name_that_is_not_known_is_refused_by_its_line_and_the_nearest_one_is_told() {
    for (line, place, told) in [
        ("[server]\nulr = \"a\"", ":2:", "`url`"),
        ("[sever]\nurl = \"a\"", ":1:", "`server`"),
        ("[source.a]\nkind = \"wave\"", ":2:", "`wav`"),
        ("[store]\nbyte_max = 1", ":2:", "`bytes_max`"),
    ] {
        let fault = refused(line);
        assert!(fault.contains(place) && fault.contains(told), "{line}: {fault}");
    }
}

#[test]
fn everything_that_is_wrong_is_said_at_once() {
    let fault =
        refused("[server]\nurl = \"ftp://a\"\n[log]\nformat = \"xml\"\n[source.a]\npath = 5\n");
    for told in ["ftp", "xml", "a path", "no `kind`"] {
        assert!(fault.contains(told), "{told}: {fault}");
    }
}

#[test]
fn a_value_that_is_refused_is_not_said_to_be_missing_as_well() {
    for line in ["[server]\nurl = 5\n", "[source.desk]\nkind = \"wave\"\n"] {
        let text = format!("[store]\ndata_dir = \"data\"\n{line}");
        let key = if line.contains("url") { "url" } else { "kind" };
        let fault = refused(&text);
        assert!(!fault.contains(&format!("no `{key}`")), "{line}: {fault}");
    }
}

#[test]
fn a_server_that_is_spoken_to_in_the_clear_is_told_unless_it_is_this_machine() {
    for (url, is_told) in [
        ("http://api.example.com/base", true),
        ("http://192.168.1.7:8080", true),
        ("http://[2001:db8::1]:8080", true),
        ("http://localhost.example.com", true),
        ("https://api.example.com", false),
        ("http://127.0.0.1:8080", false),
        ("http://localhost", false),
        ("http://[::1]:8080", false),
        ("http://[::1]", false),
    ] {
        let config = parse(&SMALL.replace("http://127.0.0.1:1", url), &[]).expect("a good one");
        assert_eq!(config.server.in_the_clear().is_some(), is_told, "{url}");
    }
}

#[test]
fn a_variable_overrides_the_file_and_adds_nothing() {
    let given = [
        ("EARMARK_SERVER_URL", "http://127.0.0.1:2"),
        ("EARMARK_SOURCE_DESK_REPEAT", "true"),
        ("EARMARK_STORE_BYTES_MAX", "20 GiB"),
        ("EARMARK_TOKEN", "a-token"),
        ("EARMARK_BIN", "earmark"),
    ];
    let config = parse(SMALL, &given).expect("it is a good one");
    assert_eq!(config.server.url, "http://127.0.0.1:2");
    assert_eq!(config.store.bytes_max, Some(20 << 30));
    assert!(matches!(config.sources[0].input, Input::Wav { repeat: true, .. }));
    for (name, told) in [
        ("EARMARK_SERVER_ULR", "`EARMARK_SERVER_URL`"),
        ("EARMARK_SOURCE_PHONE_KIND", "EARMARK_SOURCE_DESK_"),
        ("EARMARK_STORE_BYTES_MAX", "\"20 GiB\""),
    ] {
        let fault = parse(SMALL, &[(name, "x")]).expect_err(name);
        assert!(fault.contains(name) && fault.contains(told), "{fault}");
    }
}

#[test]
fn a_variable_replaces_a_token_source_of_another_kind_and_may_give_the_default_account_one() {
    let file = |path: &str| TokenSource::File(PathBuf::from(path));
    let by_file = [("EARMARK_ACCOUNT_DEFAULT_TOKEN_FILE", "/run/token")];
    for table in ["", "[account.default]\ntoken_env = \"A\"\n", "[account.default]\nuid = \"u\"\n"]
    {
        let text = format!("{SMALL}{table}");
        let config = parse(&text, &by_file).unwrap_or_else(|fault| panic!("{table}: {fault}"));
        let account = Account::new("default").expect("a name");
        assert_eq!(config.accounts, [AccountConfig { account, token: file("/run/token") }]);
    }
    let both = [by_file[0], ("EARMARK_ACCOUNT_DEFAULT_TOKEN_ENV", "A")];
    let fault = parse(SMALL, &both).expect_err("two of them");
    assert!(both.iter().all(|(name, _)| fault.contains(name)), "{fault}");
    let other = [("EARMARK_ACCOUNT_OTHER_TOKEN_ENV", "A")];
    assert!(parse(SMALL, &other).expect_err("no such account").contains(other[0].0));
}

#[test]
fn the_unit_for_systemd_fits_what_init_writes() {
    let unit = include_str!("../../../../docs/earmark.service");
    let given = unit.lines().filter_map(|line| line.strip_prefix("Environment="));
    let given: Vec<(String, String)> = given
        .filter_map(|line| line.split_once('='))
        .map(|(name, value)| (name, value.replace("%S", "/var/lib").replace("%d", "/run/cred")))
        .map(|(name, value)| (name.to_owned(), value))
        .collect();
    let given: Vec<_> = given.iter().map(|(name, value)| (name.as_str(), &value[..])).collect();
    let config = parse(&init::template(), &given).unwrap_or_else(|fault| panic!("{fault}"));
    assert_eq!(config.store.data_dir, Path::new("/var/lib/earmark"));
    assert_eq!(config.accounts[0].token, TokenSource::File(PathBuf::from("/run/cred/token")));
    assert!(config.log.is_json);
}

#[test]
fn what_cannot_be_meant_is_refused() {
    let with = |more: &str| refused(&format!("{SMALL}{more}\n"));
    for (more, told) in [
        ("[source.other]\nkind = \"wav\"\npath = \"a\"\ndevice = \"desk\"", "another source"),
        ("[source.other]\nkind = \"tcp\"", "needs `listen`"),
        ("[source.other]\nkind = \"tcp\"\nlisten = \"0.0.0.0:1\"", "no loopback address"),
        ("[source.other]\nkind = \"stdin\"\npath = \"a\"", "has no such key"),
        ("[source.other]\nkind = \"stdin\"\nsample_rate = 48000", "16000 Hz"),
        ("[source.a]\nkind = \"stdin\"\n[source.b]\nkind = \"stdin\"", "standard input, too"),
        ("[status]\nlisten = \"192.168.0.1:1\"", "no loopback address"),
        ("[account.a]\ntoken_env = \"A\"\ntoken_file = \"b\"", "one of token_env"),
        ("[account.a]", "one of token_env"),
        ("[live]\nconversation_timeout = 119", "from 120 to 14400"),
        ("[live]\nconversation_timeout = 14401", "from 120 to 14400"),
        ("[account.a]\ntoken_command = []", "no program"),
        ("[log]\nlevel = \"a=b=c\"", "cannot be used"),
        ("[log]\nlevel = \"noise\"", "is no level"),
        ("[server]\nurl = \"http://a\"", "duplicate"),
        (
            "[source.a]\nkind = \"unix\"\npath = \"s\"\n[source.b]\nkind = \"unix\"\n\
             path = \"./s\"",
            "[source.b] path: a listens there, too",
        ),
        ("[source.a]\nkind = \"unix\"\npath = \"data/control.sock\"", "the control socket listens"),
        ("[source.a]\nkind = \"tcp\"\nlisten = \"127.0.0.1:7317\"", "status.listen listens"),
        (&format!("[host]\ncontrol_socket = \"{}\"", "x".repeat(104)), "too long for a socket"),
        (&format!("[source.a]\nkind = \"unix\"\npath = \"{}\"", "x".repeat(104)), "too long"),
    ] {
        let fault = with(more);
        assert!(fault.contains(told), "{more}: {fault}");
    }
    assert!(refused("[server]\nurl = \"http://a\"").contains("there is no source"));
}

#[test]
fn a_store_that_lies_too_deep_for_a_control_socket_is_warned_of() {
    let deep = SMALL.replace("\"data\"", &format!("{:?}", "d".repeat(100)));
    let warnings = parse(&deep, &[]).expect("it can be used").warnings();
    assert!(matches!(&warnings[..], [one] if one.contains("set host.control_socket")));
    assert_eq!(parse(SMALL, &[]).expect("it can be used").warnings(), [""; 0]);
}

#[test]
fn a_limit_that_takes_no_frame_is_warned_of() {
    let warnings = |max: &str| {
        let limited = [("EARMARK_STORE_BYTES_MAX", max)];
        parse(SMALL, &limited).expect("it can be used").warnings().len()
    };
    assert_eq!((warnings("8 MiB"), warnings("9 MiB"), warnings("0")), (1, 0, 0));
}

#[test]
fn what_a_live_socket_asks_for_is_that_of_the_library_unless_told_otherwise() {
    let config = parse(SMALL, &[]).expect("it is a good one");
    assert_eq!(config.live, ListenQuery::default());
    let text = format!(
        "{SMALL}[live]\nlanguage = \"nl\"\n[account.a]\ntoken_env = \"A\"\nuid = \"u-1\"\n"
    );
    let given = [("EARMARK_LIVE_CREATE_SPEAKERS", "false"), ("EARMARK_ACCOUNT_A_UID", "u-2")];
    let live = parse(&text, &given).expect("it is a good one").live;
    let account = Account::new("a").expect("a name");
    assert_eq!(live.uids.get(&account).map(String::as_str), Some("u-2"));
    assert_eq!((live.language.as_str(), live.create_speakers), ("nl", Some(false)));
}

#[test]
fn every_text_that_no_query_can_carry_is_refused_where_it_stands() {
    let long = "x".repeat(earmark::QUERY_VALUE_BYTES_MAX + 1);
    let texts = ["language", "source", "stt_service", "vad_gate", "call_id", "conversation_role"];
    let lines = texts.map(|key| format!("{key} = \"{long}\"\n")).concat();
    let account = format!("[account.a]\ntoken_env = \"A\"\nuid = \"{long}\"\n");
    let fault = refused(&format!("{account}[live]\n{lines}{SMALL}"));
    assert_eq!(fault.lines().count(), texts.len() + 1, "{fault}");
    for (line, key) in (5..).zip(texts) {
        let told = format!("earmark.toml:{line}: [live] {key}: ");
        assert!(fault.contains(&told), "{told}: {fault}");
    }
    assert!(fault.contains("earmark.toml:3: [account.a] uid: "), "{fault}");
}

#[test]
fn what_init_writes_can_be_used_and_names_every_key() {
    let text = init::template();
    parse(&text, &[]).expect("it is a good one");
    for key in KEYS {
        let is_there = |line: &str| {
            let line = line.trim_start_matches("# ");
            line.strip_prefix(key.name).is_some_and(|rest| rest.starts_with(" ="))
        };
        assert!(text.lines().any(is_there), "{} is missing", key.full_name());
    }
}

#[test]
fn a_password_in_the_url_is_refused_and_not_shown() {
    let fault = refused("[server]\nurl = \"https://me:canary@example.com\"\n");
    assert!(fault.contains("a user or a password") && !fault.contains("canary"), "{fault}");
}

#[test]
fn a_hostile_file_is_refused_and_nothing_panics() {
    for text in
        ["[", "server = 1", "source = []", "\u{0}", "[source.\"\"]\nkind=\"stdin\"", "a=9e999"]
    {
        refused(text);
    }
    refused(&"[a]\n".repeat(10_000));
    refused(&format!("a = {}", "[".repeat(100_000)));
}

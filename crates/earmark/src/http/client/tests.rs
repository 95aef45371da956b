mod server;

use std::io::Write as _;
use std::sync::Arc;

use rustls::RootCertStore;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpListener;

use self::server::{Seen, Server, answer, reset};
use super::tls::trust_in;
use super::*;
use crate::http::{Blocks, Damaged, FilePart};

const CANARY: &str = "canary-7f3a";

/// Blocks out of memory; `None` stands for a damaged one.
struct Memory {
    blocks: Vec<Option<Bytes>>,
    next: usize,
    rewinds: bool,
}

impl Blocks for Memory {
    fn next_block(&mut self) -> Result<Option<Bytes>, Damaged> {
        let block = self.blocks.get(self.next).cloned();
        self.next += 1;
        match block {
            None => Ok(None),
            Some(Some(block)) => Ok(Some(block)),
            Some(None) => Err(damage()),
        }
    }

    fn rewind(&mut self) -> bool {
        self.next = 0;
        self.rewinds
    }
}

fn damage() -> Damaged {
    Damaged { reason: "bytes 4096 to 8191 differ".into(), may_pass: false }
}

fn block(byte: u8, bytes: usize) -> Option<Bytes> {
    Some(vec![byte; bytes].into())
}

fn upload_of(blocks: Vec<Option<Bytes>>, bytes: u64, rewinds: bool) -> HttpRequest {
    let blocks = Box::new(Memory { blocks, next: 0, rewinds });
    HttpRequest {
        path: "/v2/sync-local-files?conversation_id=a%2Fb".into(),
        token: Some(Token::new(CANARY)),
        content: Content::File(FilePart {
            name: "audio_pen_opus_16000_1_fs160_1775260800.bin".into(),
            bytes,
            blocks,
        }),
    }
}

fn upload() -> HttpRequest {
    upload_of(vec![block(1, 65_536), block(2, 1_000)], 66_536, true)
}

fn poll() -> HttpRequest {
    HttpRequest {
        path: "/v2/sync-local-files/job-1".into(),
        token: Some(Token::new(CANARY)),
        content: Content::Nothing,
    }
}

fn client(base_url: &str) -> HttpClient {
    HttpClient::new(base_url).expect("a client")
}

/// A client that gives up soon on a server that stands still.
fn impatient(base_url: &str) -> HttpClient {
    let limit = Duration::from_millis(100);
    limited(base_url, Limits { idle: limit, reply: Duration::from_millis(300), ..LIMITS })
}

fn limited(base_url: &str, limits: Limits) -> HttpClient {
    let server = ServerUrl::parse(base_url).expect("a good URL");
    let trust = Trust::platform().client(&server).expect("roots");
    HttpClient::with(server, trust, limits).expect("a client")
}

async fn fault(client: &HttpClient, request: HttpRequest) -> TransportFault {
    match client.send(request).await {
        Err(HttpFault::Transport(fault)) => fault,
        other => panic!("no fault of the transport: {other:?}"),
    }
}

#[tokio::test]
async fn an_upload_is_one_part_of_a_form_with_its_name_its_length_and_the_token() {
    let server = Server::start(|_, mut seen| async move {
        seen.read_all().await;
        let headers = "Retry-After: 7\r\nDate: Sat, 04 Apr 2026 00:00:00 GMT\r\n";
        answer(&mut seen.stream, "202 Accepted", headers, b"{}").await;
        seen.request
    });
    let reply = client(&server.url()).send(upload()).await.expect("a reply");
    assert_eq!((reply.status, reply.body.as_ref()), (202, b"{}".as_slice()));
    assert_eq!(reply.retry_after.as_deref(), Some("7"));
    assert_eq!(reply.date.as_deref(), Some("Sat, 04 Apr 2026 00:00:00 GMT"));

    let request = server.request(0).await;
    let text = String::from_utf8_lossy(&request);
    let line = "POST /v2/sync-local-files?conversation_id=a%2Fb HTTP/1.1\r\n";
    assert!(text.starts_with(line), "{text:.200}");
    assert!(text.contains(&format!("authorization: Bearer {CANARY}\r\n")));
    assert!(!text.contains("transfer-encoding"), "a length is named");
    let part = "name=\"files\"; filename=\"audio_pen_opus_16000_1_fs160_1775260800.bin\"";
    assert!(text.contains(part), "{text:.600}");
    let ones = request.iter().filter(|&&byte| byte == 1).count();
    let twos = request.iter().filter(|&&byte| byte == 2).count();
    assert_eq!((ones, twos), (65_536, 1_000));
}

#[tokio::test]
async fn a_server_that_is_not_there_is_told_from_a_name_that_is_not_known() {
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
    let address = listener.local_addr().expect("it is bound");
    drop(listener);
    let gone = client(&format!("http://{address}"));
    assert_eq!(fault(&gone, poll()).await, TransportFault::Refused);
    let unknown = client("http://no-such-host.invalid");
    assert_eq!(fault(&unknown, poll()).await, TransportFault::Dns);
}

#[tokio::test]
async fn a_connection_that_breaks_before_the_last_byte_left_was_reset() {
    for body_read in [0, 33_000] {
        let server = Server::start(move |_, mut seen| async move {
            seen.read_head().await;
            seen.read_body_to(body_read).await;
            reset(seen.stream);
            Vec::new()
        });
        let broken = fault(&client(&server.url()), upload()).await;
        assert_eq!(broken, TransportFault::Reset, "{body_read}");
        assert_eq!(server.connections(), 1, "nothing is repeated");
    }
}

#[tokio::test]
async fn a_reply_that_is_missing_or_cut_after_the_last_byte_is_lost() {
    for cut in [
        "reset",
        "",
        "HTTP/1.1 200 OK\r\nContent-Le",
        "HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\n{",
    ] {
        let server = Server::start(move |_, mut seen| async move {
            seen.read_all().await;
            if cut == "reset" {
                reset(seen.stream);
            } else {
                seen.stream.write_all(cut.as_bytes()).await.expect("written");
            }
            Vec::new()
        });
        let lost = fault(&client(&server.url()), upload()).await;
        assert_eq!(lost, TransportFault::Lost, "{cut:?}");
        assert_eq!(server.connections(), 1, "nothing is repeated");
    }
}

#[tokio::test]
async fn a_server_that_stands_still_is_given_up() {
    for sent in ["", "HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\n{"] {
        let server = Server::start(move |_, mut seen| async move {
            seen.read_all().await;
            seen.stream.write_all(sent.as_bytes()).await.expect("written");
            seen.until_closed().await;
            Vec::new()
        });
        let stalled = fault(&impatient(&server.url()), upload()).await;
        assert_eq!(stalled, TransportFault::Timeout, "{sent:?}");
    }
}

#[tokio::test]
async fn a_server_that_does_not_read_is_given_up() {
    let server = Server::start(|_, mut seen| async move {
        seen.read_head().await;
        std::future::pending::<()>().await;
        Vec::new()
    });
    let blocks = vec![block(1, 65_536); 512];
    let stalled = fault(&impatient(&server.url()), upload_of(blocks, 512 << 16, true)).await;
    assert_eq!(stalled, TransportFault::Timeout);
}

#[tokio::test]
async fn a_reply_that_drips_for_ever_is_given_up() {
    let server = Server::start(|_, mut seen| async move {
        seen.read_all().await;
        let head = b"HTTP/1.1 200 OK\r\nContent-Length: 99999\r\n\r\n";
        seen.stream.write_all(head).await.expect("written");
        while seen.stream.write_all(b" ").await.is_ok() {
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
        Vec::new()
    });
    assert_eq!(fault(&impatient(&server.url()), poll()).await, TransportFault::Timeout);
}

#[tokio::test]
async fn a_reply_larger_than_is_read_is_named_as_such_and_the_largest_is_read() {
    for (bytes, fits) in [(REPLY_BYTES_MAX, true), (REPLY_BYTES_MAX + 1, false)] {
        let server = Server::start(move |_, mut seen| async move {
            seen.read_all().await;
            answer(&mut seen.stream, "200 OK", "", &vec![b' '; bytes]).await;
            Vec::new()
        });
        match client(&server.url()).send(poll()).await {
            Ok(reply) => assert!(fits && reply.body.len() == bytes),
            Err(fault) => {
                assert_eq!(fault, HttpFault::Transport(TransportFault::TooLarge));
                assert!(!fits);
            }
        }
    }
}

#[tokio::test]
async fn a_reply_whose_head_is_larger_than_is_read_is_named_as_such() {
    for (count, bytes) in [(200, 10), (50, 20_000)] {
        let server = Server::start(move |_, mut seen| async move {
            seen.read_all().await;
            let value = "x".repeat(bytes);
            let headers = (0..count).map(|number| format!("X-{number}: {value}\r\n"));
            answer(&mut seen.stream, "200 OK", &headers.collect::<String>(), b"").await;
            Vec::new()
        });
        assert_eq!(fault(&client(&server.url()), poll()).await, TransportFault::TooLarge);
    }
}

async fn redirect(seen: &mut Seen, status: &str, location: &str) {
    answer(&mut seen.stream, status, &format!("Location: {location}\r\n"), b"").await;
}

#[tokio::test]
async fn a_question_follows_redirects_within_the_origin() {
    let server = Server::start(|number, mut seen| async move {
        seen.read_all().await;
        match number {
            0 => redirect(&mut seen, "301 Moved", "/elsewhere?a=b").await,
            _ => answer(&mut seen.stream, "200 OK", "", b"{}").await,
        }
        seen.request
    });
    let reply = client(&server.url()).send(poll()).await.expect("a reply");
    assert_eq!(reply.status, 200);
    let request = server.request(1).await;
    assert!(request.starts_with(b"GET /elsewhere?a=b HTTP/1.1\r\n"));
    assert!(String::from_utf8_lossy(&request).contains(CANARY));
}

#[tokio::test]
async fn a_circle_of_redirects_is_left() {
    let server = Server::start(|_, mut seen| async move {
        seen.read_all().await;
        redirect(&mut seen, "302 Found", "/again").await;
        Vec::new()
    });
    let reply = client(&server.url()).send(poll()).await.expect("a reply");
    assert_eq!((reply.status, server.connections()), (302, REDIRECTS_MAX + 1));
}

#[tokio::test]
async fn no_request_follows_a_redirect_to_another_origin_or_one_that_tells_the_token() {
    let other = Server::start(|_, mut seen| async move {
        seen.read_all().await;
        answer(&mut seen.stream, "200 OK", "", b"{}").await;
        Vec::new()
    });
    let port = other.address.port();
    let user = "http://user@HERE/";
    let (elsewhere, telling) = (format!("http://127.0.0.1:{port}/"), format!("/x?token={CANARY}"));
    for location in [&elsewhere, "//evil.invalid/", "ftp://x/", user, &telling] {
        for request in [poll(), upload()] {
            let location = location.to_string();
            let server = Server::start(move |_, mut seen| {
                let location = location.clone();
                async move {
                    seen.read_all().await;
                    let here = seen.stream.local_addr().expect("bound").to_string();
                    redirect(&mut seen, "307 Moved", &location.replace("HERE", &here)).await;
                    Vec::new()
                }
            });
            let reply = client(&server.url()).send(request).await.expect("a reply");
            assert_eq!((reply.status, server.connections()), (307, 1));
        }
    }
    assert_eq!(other.connections(), 0);
}

#[tokio::test]
async fn an_upload_is_repeated_whole_where_a_redirect_asks_for_the_same_request() {
    let server = Server::start(|number, mut seen| async move {
        seen.read_all().await;
        match number {
            0 => redirect(&mut seen, "308 Moved", "/new").await,
            _ => answer(&mut seen.stream, "202 Accepted", "", b"{}").await,
        }
        seen.request
    });
    let reply = client(&server.url()).send(upload()).await.expect("a reply");
    assert_eq!(reply.status, 202);
    let request = server.request(1).await;
    assert!(request.starts_with(b"POST /new HTTP/1.1\r\n"));
    assert_eq!(request.iter().filter(|&&byte| byte == 1).count(), 65_536);
}

#[tokio::test]
async fn an_upload_never_becomes_a_question_nor_goes_out_without_its_file() {
    for (status, rewinds) in [("302 Found", true), ("303 See", true), ("307 Moved", false)] {
        let server = Server::start(move |_, mut seen| async move {
            seen.read_all().await;
            redirect(&mut seen, status, "/new").await;
            Vec::new()
        });
        let request = upload_of(vec![block(1, 10)], 10, rewinds);
        let reply = client(&server.url()).send(request).await.expect("a reply");
        assert!(status.starts_with(&reply.status.to_string()), "{status}: {}", reply.status);
        assert_eq!(server.connections(), 1, "{status}");
    }
}

#[tokio::test]
async fn a_request_is_broken_off_when_its_file_turns_out_damaged() {
    let too_short = upload_of(vec![block(1, 65_536)], 70_000, true);
    let too_long = upload_of(vec![block(1, 65_536), block(2, 1)], 65_536, true);
    let differs = upload_of(vec![block(1, 65_536), None], 70_000, true);
    for (request, words) in [(too_short, "short"), (too_long, "long"), (differs, "differ")] {
        let server = Server::start(|_, mut seen| async move {
            seen.read_all().await;
            seen.request
        });
        match client(&server.url()).send(request).await {
            Err(HttpFault::Damaged(damaged)) => assert!(damaged.reason.contains(words)),
            other => panic!("{words}: {other:?}"),
        }
        let request = server.request(0).await;
        assert!(!request.ends_with(b"--\r\n"), "{words}: the form came to its end");
    }
}

#[tokio::test]
async fn a_server_that_speaks_no_tls_is_not_spoken_to_in_the_clear() {
    let server = Server::start(|_, mut seen| async move {
        let mut first = [0; 1];
        let _ = seen.stream.read(&mut first).await;
        answer(&mut seen.stream, "200 OK", "", b"{}").await;
        first.to_vec()
    });
    let secure = client(&server.url().replace("http:", "https:"));
    assert_eq!(fault(&secure, poll()).await, TransportFault::Tls);
    const TLS_HANDSHAKE: u8 = 0x16;
    assert_eq!(server.request(0).await, [TLS_HANDSHAKE]);
    assert_eq!(server.connections(), 1);
}

#[tokio::test]
async fn a_connection_that_does_not_come_up_is_given_up() {
    let server = Server::start(|_, mut seen| async move {
        seen.until_closed().await;
        Vec::new()
    });
    // Whatever else has a limit is told apart by having a longer one.
    let limits = Limits { connect: Duration::from_millis(100), ..LIMITS };
    let secure = limited(&server.url().replace("http:", "https:"), limits);
    assert_eq!(fault(&secure, poll()).await, TransportFault::ConnectTimeout);
}

/// A server with a certificate of its own making, for two connections; its URL and certificate.
fn tls_server(names: &[&str]) -> (String, rustls::pki_types::CertificateDer<'static>) {
    let names: Vec<String> = names.iter().map(ToString::to_string).collect();
    let made = rcgen::generate_simple_self_signed(names).expect("a certificate");
    let key = rustls::pki_types::PrivatePkcs8KeyDer::from(made.signing_key.serialize_der());
    let certificate = made.cert.der().clone();
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let config = rustls::ServerConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .expect("versions")
        .with_no_client_auth()
        .with_single_cert(vec![certificate.clone()], key.into())
        .expect("the key belongs to the certificate");
    let listener = std::net::TcpListener::bind("127.0.0.1:0").expect("a port");
    let port = listener.local_addr().expect("bound").port();
    let config = Arc::new(config);
    std::thread::spawn(move || {
        for stream in listener.incoming().take(2) {
            let connection = rustls::ServerConnection::new(Arc::clone(&config));
            let connection = connection.expect("a connection");
            let mut tls = rustls::StreamOwned::new(connection, stream.expect("a connection"));
            let reply = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n{}";
            if tls.write_all(reply).is_ok() {
                tls.conn.send_close_notify();
                let _ = tls.flush();
                let _ = std::io::Read::read(&mut tls, &mut [0; 1]);
            }
        }
    });
    (format!("https://localhost:{port}"), certificate)
}

#[tokio::test]
async fn a_certificate_counts_only_from_a_trusted_authority_and_for_the_right_name() {
    for (name, trusted, good) in
        [("localhost", true, true), ("localhost", false, false), ("other.example", true, false)]
    {
        let (url, certificate) = tls_server(&[name]);
        let mut roots = RootCertStore::empty();
        if trusted {
            roots.add(certificate).expect("a certificate");
        }
        let server = ServerUrl::parse(&url).expect("a good URL");
        let trust = trust_in(roots).expect("a configuration");
        let client = HttpClient::with(server, trust, LIMITS).expect("a client");
        match client.send(poll()).await {
            Ok(reply) => assert!(good && reply.status == 200),
            Err(fault) => {
                assert_eq!(fault, HttpFault::Transport(TransportFault::Tls));
                assert!(!good, "{name}");
            }
        }
        assert_eq!(client.distrust().await.is_some(), !good, "{name}");
    }
}

#[tokio::test]
async fn a_root_that_a_host_adds_is_trusted_and_one_that_is_none_is_refused() {
    use base64::Engine as _;
    let (url, certificate) = tls_server(&["localhost"]);
    let text = base64::engine::general_purpose::STANDARD.encode(&certificate);
    let pem = format!("-----BEGIN CERTIFICATE-----\n{text}\n-----END CERTIFICATE-----\n");
    let trust = Trust::platform().with_roots(pem.as_bytes()).expect("it is a root");
    let client = HttpClient::trusting(&url, &trust).expect("a client");
    assert_eq!(client.send(poll()).await.expect("it is trusted").status, 200);
    for none in
        ["", "no certificate", "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----"]
    {
        let refused = Trust::platform().with_roots(none.as_bytes());
        assert!(matches!(refused, Err(ClientError::Root { .. })), "{none}");
    }
}

#[tokio::test]
async fn a_token_is_shown_in_no_debug_output_and_a_token_that_no_header_carries_is_not_sent() {
    let token = Token::new(CANARY);
    let client = client("https://api.example.com");
    let headers = authorization(Some(&token));
    assert!(!format!("{client:?} {headers:?} {token:?}").contains(CANARY));
    assert_eq!(headers[AUTHORIZATION], format!("Bearer {CANARY}"));
    assert!(authorization(Some(&Token::new("a\r\nX-Evil: b"))).is_empty());
    assert!(authorization(None).is_empty());
}

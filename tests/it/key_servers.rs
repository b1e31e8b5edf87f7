//! Services that hold keys, one process a test: the real OpenBao, and moto in the place of AWS KMS (and of S3). And a gate before them
//! that can be closed, as a network does.

use std::path::PathBuf;
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use serde_json::{Value, json};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::watch;

/// Where `script/test` installs them.
fn tool(name: &str) -> PathBuf {
    let target = std::env::var_os("CARGO_TARGET_DIR").map(PathBuf::from);
    let target = target.unwrap_or_else(|| PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("target"));
    let path = target.join("key-servers/venv/bin").join(name);
    assert!(
        path.exists(),
        "{} is missing: run script/test, which installs tests/key_servers/requirements.txt",
        path.display()
    );
    path
}

/// A process that ends with the test.
pub struct Server {
    child: Child,
    pub port: u16,
    folder: tempfile::TempDir,
}

impl Drop for Server {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

impl Server {
    async fn start(name: &str, arguments: impl Fn(u16, &std::path::Path) -> Vec<String>) -> Self {
        // Another process may take the port between its release and the start.
        for _ in 0..3 {
            let folder = tempfile::tempdir().expect("a temporary folder");
            let free = std::net::TcpListener::bind("127.0.0.1:0").expect("a free port");
            let port = free.local_addr().expect("the port").port();
            drop(free);
            let child = Command::new(tool(name))
                .args(arguments(port, folder.path()))
                .env("HOME", folder.path())
                .stdin(Stdio::null())
                .stdout(Stdio::null())
                .stderr(Stdio::null())
                .spawn()
                .expect("the server starts");
            let mut server = Self { child, port, folder };
            for _ in 0..600 {
                if server.child.try_wait().expect("a child").is_some() {
                    break;
                }
                if TcpStream::connect(("127.0.0.1", port)).await.is_ok() {
                    return server;
                }
                tokio::time::sleep(Duration::from_millis(50)).await;
            }
        }
        panic!("{name} does not start");
    }

    pub fn address(&self) -> String {
        format!("http://127.0.0.1:{}", self.port)
    }
}

const ROOT: &str = "root-of-the-test";

/// OpenBao with a transit engine and its key `suimon`.
pub struct Bao {
    pub server: Server,
    /// May encrypt and decrypt by the key, nothing else.
    pub token: String,
}

impl Bao {
    pub async fn start() -> Self {
        let server = Server::start("bao", |port, _| {
            let listen = format!("-dev-listen-address=127.0.0.1:{port}");
            let root = format!("-dev-root-token-id={ROOT}");
            ["server", "-dev", "-dev-no-store-token", &root, &listen].map(str::to_owned).to_vec()
        })
        .await;
        let mut bao = Self { server, token: String::new() };
        bao.ask("sys/mounts/transit", json!({ "type": "transit" })).await;
        bao.ask("transit/keys/suimon", json!({ "type": "aes256-gcm96" })).await;
        let policy = "path \"transit/encrypt/suimon\" { capabilities = [\"update\"] }
                      path \"transit/decrypt/suimon\" { capabilities = [\"update\"] }";
        bao.ask("sys/policies/acl/suimon", json!({ "policy": policy })).await;
        let told = bao.ask("auth/token/create", json!({ "policies": ["suimon"], "ttl": "1h" })).await;
        bao.token = told["auth"]["client_token"].as_str().expect("a token").to_owned();
        bao
    }

    /// The same over TLS, and the file of its authority. Without a key: only the connection matters.
    pub async fn start_with_tls() -> (Server, PathBuf) {
        let server = Server::start("bao", |port, folder| {
            let listen = format!("-dev-listen-address=127.0.0.1:{port}");
            let root = format!("-dev-root-token-id={ROOT}");
            let certificates = format!("-dev-tls-cert-dir={}", folder.display());
            ["server", "-dev", "-dev-tls", "-dev-no-store-token", &certificates, &root, &listen]
                .map(str::to_owned)
                .to_vec()
        })
        .await;
        let authority = server.folder.path().join("vault-ca.pem");
        (server, authority)
    }

    /// Asks as root.
    pub async fn ask(&self, path: &str, body: Value) -> Value {
        let client = reqwest::Client::new();
        for _ in 0..100 {
            let url = format!("{}/v1/{path}", self.server.address());
            let answer = client.post(url).header("X-Vault-Token", ROOT).json(&body).send().await;
            let answer = answer.expect("an answer");
            // It listens before it is unsealed.
            if answer.status().as_u16() == 503 || answer.status().as_u16() == 500 {
                tokio::time::sleep(Duration::from_millis(50)).await;
                continue;
            }
            let status = answer.status();
            let text = answer.text().await.expect("a body");
            assert!(status.is_success(), "{path}: {status} {text}");
            return serde_json::from_str(&text).unwrap_or(Value::Null);
        }
        panic!("{path}: sealed");
    }
}

/// moto with a symmetric key, a user who may use it, and signatures that are checked.
pub struct FakeKms {
    pub server: Server,
    pub arn: String,
    pub access_key_id: String,
    pub secret_access_key: String,
}

impl FakeKms {
    pub async fn start() -> Self {
        let server = Server::start("moto_server", |port, _| {
            ["-H", "127.0.0.1", "-p", &port.to_string()].map(str::to_owned).to_vec()
        })
        .await;
        let mut kms = Self {
            server,
            arn: String::new(),
            access_key_id: String::new(),
            secret_access_key: String::new(),
        };
        kms.arn = kms.new_key().await;
        kms.iam("Action=CreateUser&UserName=suimon").await;
        let told = kms.iam("Action=CreateAccessKey&UserName=suimon").await;
        let between = |name: &str| {
            let rest = told.split_once(&format!("<{name}>")).unwrap_or_else(|| panic!("{name}: {told}")).1;
            rest.split('<').next().expect("a value").to_owned()
        };
        kms.access_key_id = between("AccessKeyId");
        kms.secret_access_key = between("SecretAccessKey");
        let policy = "%7B%22Version%22%3A%222012-10-17%22%2C%22Statement%22%3A%5B%7B%22Effect%22%3A%22Allow%22%2C\
                      %22Action%22%3A%5B%22kms%3AEncrypt%22%2C%22kms%3ADecrypt%22%5D%2C%22Resource%22%3A%22%2A%22%7D%5D%7D";
        kms.iam(&format!("Action=PutUserPolicy&UserName=suimon&PolicyName=p&PolicyDocument={policy}")).await;
        kms.check_signatures(true).await;
        kms
    }

    /// Whether requests want a right signature of a user with the right policy.
    pub async fn check_signatures(&self, check: bool) {
        let url = format!("{}/moto-api/reset-auth", self.server.address());
        let body = if check { "0" } else { "inf" };
        let answer = reqwest::Client::new().post(url).body(body).send().await.expect("an answer");
        assert!(answer.status().is_success());
    }

    pub async fn new_key(&self) -> String {
        let told = self.target("CreateKey", json!({})).await;
        told["KeyMetadata"]["Arn"].as_str().unwrap_or_else(|| panic!("{told}")).to_owned()
    }

    /// Asks unsigned; only while signatures are not checked.
    pub async fn target(&self, verb: &str, body: Value) -> Value {
        let answer = reqwest::Client::new()
            .post(self.server.address())
            .header("content-type", "application/x-amz-json-1.1")
            .header("x-amz-target", format!("TrentService.{verb}"))
            .header("authorization", authorization("kms"))
            .body(body.to_string())
            .send()
            .await
            .expect("an answer");
        serde_json::from_str(&answer.text().await.expect("a body")).unwrap_or(Value::Null)
    }

    /// A bucket in which the user may put objects, and nothing else.
    pub async fn with_bucket(bucket: &str) -> Self {
        let kms = Self::start().await;
        kms.check_signatures(false).await;
        let policy = "%7B%22Version%22%3A%222012-10-17%22%2C%22Statement%22%3A%5B%7B%22Effect%22%3A%22Allow%22%2C\
                      %22Action%22%3A%5B%22s3%3APutObject%22%5D%2C%22Resource%22%3A%22%2A%22%7D%5D%7D";
        kms.iam(&format!("Action=PutUserPolicy&UserName=suimon&PolicyName=q&PolicyDocument={policy}")).await;
        kms.s3(reqwest::Method::PUT, bucket).await;
        kms.check_signatures(true).await;
        kms
    }

    /// A bucket with these objects, which the user may list and read, and no more.
    pub async fn with_objects(bucket: &str, objects: &[(&str, Vec<u8>)]) -> Self {
        let kms = Self::start().await;
        kms.check_signatures(false).await;
        let policy = "%7B%22Version%22%3A%222012-10-17%22%2C%22Statement%22%3A%5B%7B%22Effect%22%3A%22Allow%22%2C\
                      %22Action%22%3A%5B%22s3%3AGetObject%22%2C%22s3%3AListBucket%22%5D%2C%22Resource%22%3A%22%2A%22%7D%5D%7D";
        kms.iam(&format!("Action=PutUserPolicy&UserName=suimon&PolicyName=r&PolicyDocument={policy}")).await;
        kms.s3(reqwest::Method::PUT, bucket).await;
        for (name, content) in objects {
            let authorization = authorization("s3").replace("ap-northeast-1", "us-east-1");
            let url = format!("{}/{bucket}/{name}", kms.server.address());
            let request = reqwest::Client::new().put(url).header("authorization", authorization);
            let answer = request.body(content.clone()).send().await.expect("an answer");
            assert!(answer.status().is_success(), "{name}: {}", answer.status());
        }
        kms.check_signatures(true).await;
        kms
    }

    /// What is in a bucket, by name.
    pub async fn objects(&self, bucket: &str) -> Vec<(String, Vec<u8>)> {
        self.check_signatures(false).await;
        let list = self.s3(reqwest::Method::GET, &format!("{bucket}?list-type=2")).await;
        let list = String::from_utf8(list).expect("a list");
        let names = list.split("<Key>").skip(1).filter_map(|rest| rest.split("</Key>").next());
        let mut objects = Vec::new();
        for name in names {
            let bytes = self.s3(reqwest::Method::GET, &format!("{bucket}/{name}")).await;
            objects.push((name.to_owned(), bytes));
        }
        self.check_signatures(true).await;
        objects
    }

    async fn s3(&self, method: reqwest::Method, path: &str) -> Vec<u8> {
        let authorization = authorization("s3").replace("ap-northeast-1", "us-east-1");
        let url = format!("{}/{path}", self.server.address());
        let request = reqwest::Client::new().request(method, url).header("authorization", authorization);
        let answer = request.send().await.expect("an answer");
        assert!(answer.status().is_success(), "{path}: {}", answer.status());
        answer.bytes().await.expect("a body").to_vec()
    }

    async fn iam(&self, form: &str) -> String {
        let answer = reqwest::Client::new()
            .post(self.server.address())
            .header("content-type", "application/x-www-form-urlencoded")
            .header("authorization", authorization("iam"))
            .body(format!("{form}&Version=2010-05-08"))
            .send()
            .await
            .expect("an answer");
        assert!(answer.status().is_success(), "{form}: {}", answer.status());
        answer.text().await.expect("a body")
    }
}

fn authorization(service: &str) -> String {
    format!("AWS4-HMAC-SHA256 Credential=test/20231026/ap-northeast-1/{service}/aws4_request")
}

/// Stands before a server and lets through what comes while it is open.
pub struct Gate {
    pub address: String,
    open: watch::Sender<bool>,
}

impl Gate {
    pub async fn before(port: u16) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a free port");
        let address = format!("http://{}", listener.local_addr().expect("the port"));
        let (open, is_open) = watch::channel(true);
        tokio::spawn(async move {
            while let Ok((mut from, _)) = listener.accept().await {
                let mut is_open = is_open.clone();
                if !*is_open.borrow_and_update() {
                    continue;
                }
                tokio::spawn(async move {
                    let Ok(mut to) = TcpStream::connect(("127.0.0.1", port)).await else { return };
                    tokio::select! {
                        _ = tokio::io::copy_bidirectional(&mut from, &mut to) => {}
                        _ = is_open.changed() => {}
                    }
                });
            }
        });
        Self { address, open }
    }

    pub fn close(&self) {
        self.open.send(false).expect("the gate stands");
    }

    pub fn open(&self) {
        self.open.send(true).expect("the gate stands");
    }
}

//! A real Azurite on loopback, with an account of our own. It checks signatures.

use std::io::{self, BufRead, BufReader, Read};
use std::process::Stdio;
use std::thread;

use axum::http::Request;
use object_store::azure::{
    AzureAccessKey, AzureAuthorizer, AzureCredential, MicrosoftAzureBuilder,
};
use object_store::client::{HttpRequestBody, HttpService};
use object_store::path::Path;
use object_store::{ObjectStore, PutOptions, PutPayload};

use crate::support::fixture;
use crate::support::process::Process;

pub(super) const ACCOUNT: &str = "jetkeeper";
/// `hush-hush-hush-hush`, as Azure has keys.
pub(super) const KEY: &str = "aHVzaC1odXNoLWh1c2gtaHVzaA==";

pub(super) struct Azurite {
    port: u16,
    _process: Process,
}

impl Azurite {
    pub(super) fn start() -> Self {
        let program = fixture("azurite/node_modules/azurite/dist/src/blob/main.js");
        let mut command = Process::command("node");
        command
            .arg(program)
            .args(["--blobHost", "127.0.0.1", "--blobPort", "0"])
            .args([
                "--inMemoryPersistence",
                "--skipApiVersionCheck",
                "--disableTelemetry",
            ])
            .env("AZURITE_ACCOUNTS", format!("{ACCOUNT}:{KEY}"))
            .stdin(Stdio::null())
            .stdout(Stdio::piped());
        let mut process = Process::start(command);
        let mut output = BufReader::new(process.stdout());
        let address = output.by_ref().lines().find_map(|line| {
            let line = line.unwrap();
            let (_, address) = line.split_once("successfully listens on http://127.0.0.1:")?;
            Some(address.trim().to_owned())
        });
        // It logs each request, and would end where nobody reads that.
        thread::spawn(move || io::copy(&mut output, &mut io::sink()));
        let port = address.expect("Azurite says where it listens");
        Self {
            port: port.parse().unwrap(),
            _process: process,
        }
    }

    /// The URI of a container.
    pub(super) fn uri(&self, place: &str) -> String {
        format!(
            "azblob://{place}?protocol=http&domain=127.0.0.1:{}",
            self.port
        )
    }

    fn endpoint(&self) -> String {
        format!("http://127.0.0.1:{}/{ACCOUNT}", self.port)
    }

    pub(super) async fn make(&self, container: &str) {
        let mut request = Request::builder()
            .method("PUT")
            .uri(format!("{}/{container}?restype=container", self.endpoint()))
            .header("content-length", "0")
            .body(HttpRequestBody::empty())
            .unwrap();
        let key = AzureCredential::AccessKey(AzureAccessKey::try_new(KEY).unwrap());
        let authorizer = AzureAuthorizer::new(&key, ACCOUNT);
        authorizer.try_authorize(&mut request).unwrap();
        let client = reqwest::Client::builder().no_proxy().build().unwrap();
        let response = HttpService::call(&client, request).await.unwrap();
        assert_eq!(response.status(), 201);
    }

    pub(super) async fn upload(&self, container: &str, key: &str, bytes: &[u8]) {
        let store = MicrosoftAzureBuilder::new()
            .with_container_name(container)
            .with_account(ACCOUNT)
            .with_access_key(KEY)
            .with_endpoint(self.endpoint())
            .with_allow_http(true)
            .build()
            .unwrap();
        let payload = PutPayload::from(bytes.to_vec());
        let path = Path::from(key);
        let put = store.put_opts(&path, payload, PutOptions::default());
        put.await.unwrap();
    }
}

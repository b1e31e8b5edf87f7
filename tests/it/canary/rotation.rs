//! Every key is replaced while the canaries lie under it: each tenant's with all fields, then the key-encryption key.

use std::process::Command;
use std::time::{Duration, Instant};

use entity::{job, tenant_key};
use sea_orm::sea_query::Expr;
use sea_orm::{ColumnTrait, EntityTrait, PaginatorTrait, QueryFilter};
use serde_json::json;

use super::Scene;
use crate::vault_support::program;

impl Scene {
    /// The program on the keys of before or of after, saying all that it can; what it said stays with what is looked through.
    fn said(&self, name: &str, arguments: &[&str], keys: &[String]) {
        let mut command: Command = program(&self.fixture.app, arguments);
        command.args(["--set", "log.filter=trace"]).env("RUST_LOG", "trace");
        for setting in keys {
            command.args(["--set", setting]);
        }
        let output = tokio::task::block_in_place(|| command.output()).expect("the program runs");
        let said = [output.stdout, output.stderr].concat();
        assert!(output.status.success(), "{arguments:?}: {}", String::from_utf8_lossy(&said));
        std::fs::write(self.folder.join("left").join(format!("{name}.log")), said).expect("the log");
    }

    /// Somebody is found and read in clear: the running service opens what is sealed under the keys of now.
    async fn somebody_is_read(&mut self, when: &str) {
        let wanted = "online-application.applicant.email of p-1";
        let mail =
            self.flock.canaries.iter().rfind(|canary| canary.name == wanted).expect("imported").text.clone();
        let query =
            "query($v: String!) { searchSubjects(system: \"online-application\", recordType: \"applicant\",
            field: \"email\", value: $v, purpose: \"a call\") {
              fields(masked: false) { ... on ClearValue { value } ... on Withheld { reason } } } }";
        let answer = self.gql("search during a rotation", query, json!({ "v": mail })).await;
        assert!(answer.to_string().contains(&mail), "{when}: {answer}");
    }

    /// Each tenant's key gets a successor, everybody a new key, every field is sealed anew; the running service does it.
    pub async fn rotate_tenant_keys(&mut self) {
        self.said("rotate-tenants", &["keys", "rotate", "--all-tenants", "--fields"], &[]);
        let since = Instant::now();
        loop {
            let of = || job::Entity::find().filter(job::Column::Kind.eq("keys.rekey"));
            let open = of().filter(job::Column::State.is_in(["queued", "running"]));
            let failed = of().filter(job::Column::State.eq("failed"));
            assert_eq!(failed.count(&self.fixture.database).await.expect("jobs"), 0);
            if open.count(&self.fixture.database).await.expect("jobs") == 0 {
                break;
            }
            assert!(since.elapsed() < Duration::from_secs(120), "the rotation does not end");
            self.somebody_is_read("in the middle of the rotation").await;
            // The waits for requests of before are minutes of the machine's clock. There are none here.
            let waiting = job::Entity::update_many().col_expr(job::Column::RunAt, Expr::value(0_i64));
            let waiting = waiting.filter(job::Column::Kind.eq("keys.rekey"));
            let waiting = waiting.filter(job::Column::State.eq("queued"));
            waiting.exec(&self.fixture.database).await.expect("jobs");
            tokio::time::sleep(Duration::from_millis(200)).await;
        }
        let gone = tenant_key::Entity::find().filter(tenant_key::Column::Wrapped.is_null());
        assert!(gone.count(&self.fixture.database).await.expect("keys") >= 1, "the old keys are destroyed");
        self.somebody_is_read("after the rotation").await;
    }

    /// The settings of a new key-encryption key, with the one of before as an earlier one.
    pub fn next_kek(&self) -> Vec<String> {
        let file = |name: &str| self.fixture.app.folder().join(name).display().to_string();
        vec![format!("keys.file={}", file("kek-2.key")), format!("keys.previous_files={}", file("kek.key"))]
    }

    /// Everything is wrapped by the new key, and the old one is retired and destroyed; the running service reads on.
    pub async fn rotate_kek(&mut self) {
        let keys = self.next_kek();
        let old = self.fixture.app.app.master().id().to_owned();
        self.somebody_is_read("under the earlier key").await;
        self.said("rotate-kek", &["keys", "rotate"], &keys);
        self.said("retire-kek", &["keys", "retire", &old], &keys);
        self.said("status", &["keys", "status"], &keys[..1]);
        self.somebody_is_read("under the new key").await;
    }
}

//! `suimon drill serve`.

use std::process::ExitCode;
use std::sync::Arc;
use std::time::Duration;

use anyhow::Context as _;
use tokio::net::TcpListener;
use tokio_util::sync::CancellationToken;

use super::{Serve, installation};
use crate::access::act_locally;
use crate::app::App;
use crate::cli::{Failure, output, serve};
use crate::drill::{Folder, LEADER, Scene, State};
use crate::error::Result;

/// How often the clock goes on: well below the gap that it bears.
const TICK: Duration = Duration::from_millis(100);
/// How often at most complaints and logs are looked after while the clock runs, in seconds of the machine.
const ARRANGED_EVERY: i64 = 1;

pub async fn run(arguments: Serve) -> std::result::Result<ExitCode, Failure> {
    let Serve { dir, listen } = arguments;
    let (folder, app) = installation::open(&dir).await?;
    let served = folder.serve()?;
    let listener = TcpListener::bind(&listen).await.with_context(|| format!("cannot listen on {listen}"))?;
    let mut scene = Scene::new(folder.clone()).await?;
    // What the team finds when it comes in.
    folder.tick()?;
    go_on(&app, &folder, &mut scene).await?;
    output::line(&format!("the drill goes on; its API: http://{}/graphql", listener.local_addr()?));
    let ending = CancellationToken::new();
    // Apart: the clock does not wait for logs that take long to write.
    let (clock, until) = (folder.clone(), ending.clone());
    let ticking = tokio::spawn(async move {
        while until.run_until_cancelled(tokio::time::sleep(TICK)).await.is_some() {
            if let Err(error) = clock.tick() {
                tracing::error!(%error, "the clock of the drill stands");
                tokio::time::sleep(Duration::from_secs(1)).await;
            }
        }
    });
    let (beside, drill, until) = (app.clone(), folder.clone(), ending.clone());
    let scene = tokio::spawn(async move {
        while until.run_until_cancelled(tokio::time::sleep(TICK)).await.is_some() {
            if let Err(error) = go_on(&beside, &drill, &mut scene).await {
                tracing::error!(%error, "the drill does not go on");
                tokio::time::sleep(Duration::from_secs(1)).await;
            }
        }
    });
    let outcome = serve::serve(app, listener).await;
    ending.cancel();
    scene.await.context("the scene of the drill broke off")?;
    ticking.await.context("the clock of the drill broke off")?;
    drop(served);
    outcome?;
    Ok(ExitCode::SUCCESS)
}

/// Brings about what has happened since the last time.
async fn go_on(app: &Arc<App>, folder: &Folder, scene: &mut Scene) -> Result<()> {
    if !is_due(&folder.state()?, app.clock().now()) {
        return Ok(());
    }
    let op = act_locally(app, LEADER).await?;
    scene.arrange(&op).await?;
    folder.arranged(op.at())?;
    Ok(())
}

/// A clock that stands is waited for by whoever moves it: each move counts.
fn is_due(state: &State, now: jiff::Timestamp) -> bool {
    let Some(arranged) = state.arranged else { return true };
    let passed = now.duration_since(arranged);
    passed.is_positive() && passed.as_secs() >= i64::from(state.speed) * ARRANGED_EVERY
}

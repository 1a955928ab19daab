//! A warm Get of 1 KiB over gRPC, many in flight, against an answer of the same length from a bare
//! tonic server: one of the same shape as a Get (a stream of one message), and a plain echo.
//!
//! Each side has one client with one connection. The node's is the public client, which hashes what
//! arrives and compares it; the bare server's is the generated stub alone.

use super::{
    bare::VALUE_BYTES,
    load::{Load, flood},
    process::Process,
};
use crate::{
    Failure,
    row::{Curve, Measured, Pairs, Plot, Row, Target, Unit},
    setting::Setting,
};
use bytes::Bytes;
use deriva_client::{Client, MissingInputs};
use deriva_model::{CAddr, FunctionId, Recipe};
use deriva_proto::{GetRequest, PutLeafRequest, deriva_client::DerivaClient};
use std::collections::BTreeMap;
use tempfile::TempDir;
use tonic::transport::{Channel, Endpoint};

const IN_FLIGHT: usize = 64;
/// As the public client has them.
const STREAM_WINDOW: u32 = 1 << 20;
const CONNECTION_WINDOW: u32 = 4 << 20;
/// The parts of all calls that the plot of latencies has points for.
const PARTS: [f64; 8] = [0.1, 0.25, 0.5, 0.75, 0.9, 0.99, 0.999, 1.0];

pub(super) fn measure(setting: &Setting) -> Result<Measured, Failure> {
    let calls = setting.of(200, 30_000);
    let sides = setting.block_on(Sides::start(setting))?;
    let (mut warm, mut stream) = (Load::default(), Load::default());
    let same_shape = setting.paired(
        || warm.add(setting.block_on(sides.node(calls))?),
        || stream.add(setting.block_on(sides.bare_stream(calls))?),
    )?;
    let echo = setting.paired(
        || Ok(setting.block_on(sides.node(calls))?.rate()),
        || Ok(setting.block_on(sides.bare_echo(calls))?.rate()),
    )?;
    let mut first = row(
        setting,
        "warm Get of 1 KiB over gRPC, 64 in flight",
        "a bare tonic server: one request, a stream of one answer of 1 KiB",
        same_shape,
    );
    first.notes = vec![format!("{}; the floor's {}", warm.told(), stream.told())];
    let second = row(
        setting,
        "the same against a unary echo",
        "a bare tonic server: 1 KiB there and back, one message each way",
        echo,
    );
    Ok(Measured {
        rows: vec![first, second],
        curves: vec![
            curve("warm Get of 1 KiB, 64 in flight", &warm),
            curve("bare tonic server, the same shape", &stream),
        ],
    })
}

fn row(setting: &Setting, figure: &str, floor: &str, pairs: Pairs) -> Row {
    Row {
        figure: figure.to_owned(),
        floor: floor.to_owned(),
        includes: "a node of its own process with a value in memory, and the public client, which \
                   compares what arrives with its hash; one connection; client and server share \
                   the machine on both sides"
            .to_owned(),
        unit: Unit::PerSecond("calls"),
        pairs,
        targets: vec![Target::RatioAtLeast(0.7)],
        value_bytes: VALUE_BYTES as u64,
        workers: setting.workers(),
        notes: Vec::new(),
    }
}

fn curve(name: &str, load: &Load) -> Curve {
    let points = PARTS.map(|part| (part, load.within(part)));
    Curve {
        plot: Plot::Latency,
        name: name.to_owned(),
        points: points.to_vec(),
    }
}

/// A node with one value in memory, a bare server, and a client of each.
struct Sides {
    client: Client,
    stub: DerivaClient<Channel>,
    addr: CAddr,
    _node: Process,
    _bare: Process,
    _place: TempDir,
}

impl Sides {
    async fn start(setting: &Setting) -> Result<Self, Failure> {
        let place = setting.directory()?;
        let node = Process::node(&setting.program, &place.path().join("data")).await?;
        let bare = Process::bare(&setting.program, place.path()).await?;
        let client = node.client().await?;
        let addr = resident(&client).await?;
        Ok(Self {
            client,
            stub: stub(&bare).await?,
            addr,
            _node: node,
            _bare: bare,
            _place: place,
        })
    }

    async fn node(&self, calls: usize) -> Result<Load, Failure> {
        let (client, addr) = (self.client.clone(), self.addr);
        flood(IN_FLIGHT, calls, move |_| {
            let client = client.clone();
            async move {
                let value = client.get(&addr).await?;
                whole(value.collect_to_bytes(VALUE_BYTES).await?.len())
            }
        })
        .await
    }

    async fn bare_stream(&self, calls: usize) -> Result<Load, Failure> {
        let stub = self.stub.clone();
        let addr = Bytes::copy_from_slice(self.addr.as_bytes());
        flood(IN_FLIGHT, calls, move |_| {
            let (mut stub, addr) = (stub.clone(), addr.clone());
            async move {
                let request = GetRequest {
                    addr,
                    ..GetRequest::default()
                };
                let mut answers = stub.get(request).await?.into_inner();
                let mut length = 0;
                while let Some(answer) = answers.message().await? {
                    length += answer.chunk.len();
                }
                whole(length)
            }
        })
        .await
    }

    async fn bare_echo(&self, calls: usize) -> Result<Load, Failure> {
        let stub = self.stub.clone();
        let data = Bytes::from(vec![b'v'; VALUE_BYTES]);
        flood(IN_FLIGHT, calls, move |_| {
            let (mut stub, data) = (stub.clone(), data.clone());
            async move {
                let answer = stub.put_leaf(PutLeafRequest { data }).await?;
                whole(answer.into_inner().addr.len())
            }
        })
        .await
    }
}

/// The generated stub on a connection with the public client's settings.
pub(super) async fn stub(bare: &Process) -> Result<DerivaClient<Channel>, Failure> {
    let channel = Endpoint::from_shared(bare.url().to_owned())?
        .tcp_nodelay(true)
        .initial_stream_window_size(STREAM_WINDOW)
        .initial_connection_window_size(CONNECTION_WINDOW)
        .connect()
        .await?;
    Ok(DerivaClient::new(channel))
}

/// Puts a leaf, and a recipe over it whose value is as long, and has that computed.
async fn resident(client: &Client) -> Result<CAddr, Failure> {
    let leaf = client.put_leaf(vec![b'v'; VALUE_BYTES]).await?;
    let function = FunctionId::new("reverse", "1.0.0");
    let recipe = Recipe::new(function, vec![leaf], BTreeMap::new())?;
    let addr = client.put_recipe(&recipe, MissingInputs::Refuse).await?;
    let value = client.get(&addr).await?;
    whole(value.collect_to_bytes(VALUE_BYTES).await?.len())?;
    Ok(addr)
}

fn whole(length: usize) -> Result<(), Failure> {
    match length == VALUE_BYTES {
        true => Ok(()),
        false => Err(format!("{length} bytes came back instead of {VALUE_BYTES}").into()),
    }
}

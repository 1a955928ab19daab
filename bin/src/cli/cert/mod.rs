//! `cert`: a cluster's own certificate authority, and the certificates of its nodes and clients.
//!
//! It refuses to overwrite: a key that is lost cannot be made again. It refuses to hand out a
//! certificate that does not verify against the authority it was asked of.

mod files;
mod issue;

use std::path::{Path, PathBuf};

use clap::{Args, Subcommand};
use serde_json::json;

use self::{
    files::{NewFile, Secrecy},
    issue::{Authority, Issued, Name, Role, San},
};
use super::{failure::Failure, output::Answer};

const CA_PEM: &str = "ca.pem";
const CA_KEY: &str = "ca.key";
const CLUSTER_KEY: &str = "cluster.key";

#[derive(Debug, Subcommand)]
pub(super) enum CertCommand {
    /// Make a cluster's authority: ca.pem, ca.key and cluster.key in DIR.
    #[command(after_help = "\
Keep ca.key away from the nodes; they need ca.pem and cluster.key only.
JSON: {\"cluster\",\"files\":[FILE]}")]
    Ca(CaArgs),
    /// Issue a node's certificate: node.pem and node.key in DIR, which is then the node's --tls-dir.
    #[command(after_help = "JSON: {\"cluster\",\"name\",\"node_id\",\"files\":[FILE]}")]
    Node(NodeArgs),
    /// Issue a client's certificate: client.pem and client.key in DIR.
    #[command(after_help = "JSON: {\"cluster\",\"name\",\"files\":[FILE]}")]
    Client(ClientArgs),
}

#[derive(Debug, Args)]
pub(super) struct CaArgs {
    /// Where the authority is to live; it is made if it does not exist.
    dir: PathBuf,
    /// The cluster's name; it stands in every certificate.
    #[arg(long, default_value = "deriva")]
    cluster: Name,
    /// Days until it expires.
    #[arg(long, default_value_t = 3650, value_parser = clap::value_parser!(u32).range(1..=36500))]
    days: u32,
}

#[derive(Debug, Args)]
pub(super) struct NodeArgs {
    /// Where the certificate goes.
    dir: PathBuf,
    /// The node's name.
    #[arg(long)]
    name: Name,
    /// An address that the node is reached by: an IP address or a host name, without a port; once
    /// for each.
    #[arg(long = "san", value_name = "ADDR", required = true)]
    sans: Vec<San>,
    /// The node's id; a new one when absent.
    #[arg(long, value_name = "ID")]
    id: Option<Name>,
    /// Where the authority lives, if not in DIR.
    #[arg(long, value_name = "CADIR")]
    ca: Option<PathBuf>,
    /// Days until it expires.
    #[arg(long, default_value_t = 365, value_parser = clap::value_parser!(u32).range(1..=36500))]
    days: u32,
}

#[derive(Debug, Args)]
pub(super) struct ClientArgs {
    /// Where the certificate goes.
    dir: PathBuf,
    /// The client's name.
    #[arg(long)]
    name: Name,
    /// Where the authority lives, if not in DIR.
    #[arg(long, value_name = "CADIR")]
    ca: Option<PathBuf>,
    /// Days until it expires.
    #[arg(long, default_value_t = 365, value_parser = clap::value_parser!(u32).range(1..=36500))]
    days: u32,
}

pub(super) fn run(what: CertCommand) -> Result<Answer, Failure> {
    match what {
        CertCommand::Ca(what) => ca(&what),
        CertCommand::Node(what) => node(what),
        CertCommand::Client(what) => client(&what),
    }
}

fn ca(what: &CaArgs) -> Result<Answer, Failure> {
    let authority = issue::authority(&what.cluster, what.days)?;
    let key = issue::random_hex::<32>()?;
    let written = files::write_new(
        &what.dir,
        &[
            NewFile::new(CA_PEM, Secrecy::Public, authority.pem),
            NewFile::new(CA_KEY, Secrecy::Private, authority.key),
            NewFile::new(CLUSTER_KEY, Secrecy::Private, format!("{key}\n")),
        ],
    )?;
    let json = json!({ "cluster": what.cluster.as_str(), "files": names(&written) });
    Ok(Answer::new(names(&written).join("\n"), json))
}

fn node(what: NodeArgs) -> Result<Answer, Failure> {
    let home = what.ca.as_deref().unwrap_or(&what.dir);
    let authority = open(home)?;
    let id = match what.id {
        Some(id) => id,
        None => Name::new(&issue::random_hex::<16>()?).map_err(Failure::usage)?,
    };
    let role = Role::Node {
        id: id.clone(),
        sans: what.sans,
    };
    let issued = authority.issue(&what.name, &role, what.days)?;
    let mut all = pair("node", issued);
    if what.ca.is_some() {
        all.push(NewFile::new(
            CA_PEM,
            Secrecy::Public,
            authority.pem().to_owned(),
        ));
        let key = files::read(&home.join(CLUSTER_KEY))?;
        all.push(NewFile::new(CLUSTER_KEY, Secrecy::Private, key));
    }
    let written = files::write_new(&what.dir, &all)?;
    let json = json!({
        "cluster": authority.cluster().as_str(), "name": what.name.as_str(),
        "node_id": id.as_str(), "files": names(&written),
    });
    Ok(Answer::new(
        format!("node id {}\n{}", id.as_str(), names(&written).join("\n")),
        json,
    ))
}

fn client(what: &ClientArgs) -> Result<Answer, Failure> {
    let authority = open(what.ca.as_deref().unwrap_or(&what.dir))?;
    let issued = authority.issue(&what.name, &Role::Client, what.days)?;
    let mut all = pair("client", issued);
    if what.ca.is_some() {
        all.push(NewFile::new(
            CA_PEM,
            Secrecy::Public,
            authority.pem().to_owned(),
        ));
    }
    let written = files::write_new(&what.dir, &all)?;
    let json = json!({
        "cluster": authority.cluster().as_str(), "name": what.name.as_str(),
        "files": names(&written),
    });
    Ok(Answer::new(names(&written).join("\n"), json))
}

fn pair(stem: &str, issued: Issued) -> Vec<NewFile> {
    vec![
        NewFile::new(format!("{stem}.pem"), Secrecy::Public, issued.pem),
        NewFile::new(format!("{stem}.key"), Secrecy::Private, issued.key),
    ]
}

fn open(dir: &Path) -> Result<Authority, Failure> {
    let pem = files::read(&dir.join(CA_PEM))?;
    let key = files::read(&dir.join(CA_KEY))?;
    Authority::open(pem, &key)
}

fn names(files: &[PathBuf]) -> Vec<String> {
    files
        .iter()
        .map(|file| file.display().to_string())
        .collect()
}

#[cfg(test)]
#[path = "cert_test.rs"]
mod cert_test;

//! The command line `deriva`. It refuses to do more here than to start: what it does stands in
//! `cli`.

use std::process::ExitCode;

fn main() -> ExitCode {
    let runtime = tokio::runtime::Builder::new_multi_thread()
        // One thread drives the connection while the main thread waits for a file or a pipe.
        .worker_threads(1)
        .enable_all()
        .build();
    let runtime = match runtime {
        Ok(runtime) => runtime,
        Err(error) => {
            eprintln!("error: this process cannot start its threads: {error}");
            return ExitCode::from(1);
        }
    };
    let code = runtime.block_on(async {
        tokio::select! {
            // First, because a command may have something to say about its interruption.
            biased;
            code = deriva_bin::cli::run(std::env::args_os().collect()) => code,
            // Leaving by this way drops what is half written; a signal alone would leave it.
            Ok(()) = tokio::signal::ctrl_c() => deriva_bin::cli::INTERRUPTED,
        }
    });
    // A read of standard input that nobody waits for any more must not hold the process.
    runtime.shutdown_background();
    ExitCode::from(code)
}

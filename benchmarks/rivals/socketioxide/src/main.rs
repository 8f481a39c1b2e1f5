//! The server that ours is measured against: socketioxide, its Redis adapter, and the same handler of `typing`.

use axum::Router;
use serde::Deserialize;
use serde_json::Value;
use socketioxide::{
    adapter::Adapter,
    extract::{Data, SocketRef},
    SocketIo,
};
use socketioxide_redis::{RedisAdapter, RedisAdapterCtr};

#[derive(Deserialize)]
struct Who {
    user_id: String,
}

async fn on_connect<A: Adapter>(socket: SocketRef<A>) {
    let query = socket.req_parts().uri.query().unwrap_or_default().to_owned();
    if let Ok(who) = serde_urlencoded::from_str::<Who>(&query) {
        socket.join(who.user_id);
    }
    socket.on("typing", async |socket: SocketRef<A>, Data::<Value>(data)| {
        if let Some(to) = data["to"].as_str().map(str::to_owned) {
            let _ = socket.to(to).emit("typing", &data).await;
        }
    });
}

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    let port: u16 = std::env::args().nth(1).ok_or("port")?.parse()?;
    let redis = redis::Client::open(format!("{}?protocol=resp3", std::env::var("RIVAL_REDIS_URL")?))?;
    let adapter = RedisAdapterCtr::new_with_redis(&redis).await?;
    let (layer, io) = SocketIo::builder()
        .req_path("/v1/conversations/sockets")
        .with_adapter::<RedisAdapter<_>>(adapter)
        .build_layer();
    io.ns("/v1/conversations/events", on_connect).await?;
    let listener = tokio::net::TcpListener::bind(("127.0.0.1", port)).await?;
    axum::serve(listener, Router::new().layer(layer)).await?;
    Ok(())
}

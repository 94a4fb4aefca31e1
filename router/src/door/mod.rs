//! The door: every call comes through it, and meets the same questions in the
//! same order. Each is a tower layer; the order is the list in [`stack`].

mod arrival;
mod call;
mod check;
mod leaving;
mod library;
mod observe;
mod paged;
mod patience;
mod place;
mod rest;
mod rpc;
mod translate;
mod unary;

pub use arrival::{Arrival, Caller, Line};
pub use call::Call;
pub use check::refusal;
pub use leaving::Leaving;
pub use library::Library;
pub(crate) use paged::{Piece, paged};
pub(crate) use place::full;
pub use rpc::{Right, Rpc, TABLE, find};
pub(crate) use translate::{in_our_words, translated};
pub(crate) use unary::{request, response};

use crate::house::House;
use check::Check;
use http::{Request, Response};
use observe::Observe;
use place::Places;
use proto::Failure;
use std::convert::Infallible;
use std::sync::Arc;
use tonic::body::Body;
use tower::{Service, ServiceBuilder};

/// What stands behind the door: asked, it answers, and is always ready.
pub trait Services:
    Service<Call, Response = Response<Leaving>, Error = Infallible, Future: Send> + Clone + Send + 'static
{
}

impl<S> Services for S where
    S: Service<Call, Response = Response<Leaving>, Error = Infallible, Future: Send> + Clone + Send + 'static
{
}

/// The layers around a listener's services, outermost first. The last, routing
/// by key, is the services themselves.
pub fn stack<S: Services>(
    house: Arc<House>,
    services: S,
) -> impl Service<
    (Arc<Line>, Request<Body>),
    Response = Response<Leaving>,
    Error = Infallible,
    Future: Future<Output = Result<Response<Leaving>, Infallible>> + Send,
> + Clone
+ Send
+ 'static {
    let (clock, observing, placing) = (house.clock.clone(), house.clone(), house);
    ServiceBuilder::new()
        // Identity: which method, and who calls.
        .map_request(move |(line, request)| Call::new(&*clock, line, request))
        // Trace: counts the call and its time, whatever becomes of it.
        .layer_fn(move |inner| Observe::new(observing.clone(), inner))
        // Rights: the method's row decides; a method without one is refused.
        .layer_fn(|inner| Check::new(authorize, inner))
        // Limit and load-shed: a place among those under way, or no at once.
        .layer_fn(move |inner| Places::new(placing.clone(), inner))
        // Deadline: the caller's. The request's own header may name an earlier
        // one, and where neither does, the node's holds.
        .layer_fn(|inner| Check::new(arrival::set_deadline, inner))
        .service(services)
}

fn authorize(call: &mut Call) -> Result<(), Failure> {
    call.arrival.authorize()
}

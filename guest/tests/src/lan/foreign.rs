//! A network card behind a driver that nobody here wrote either.
//!
//! Next on the tour: `src/bin/drivers_net.rs`.

use drivers::Ram;
use drivers::device::net::VirtIONet;
use drivers::transport::Transport;
use kit::lan::{Came, Nic, ethernet};
use smoltcp::phy::{Device, DeviceCapabilities, TxToken};
use smoltcp::time::Instant;

/// Buffers to receive in.
const BUFFERS: usize = 32;
/// Bytes of each.
const BUFFER_LEN: usize = 2048;

/// The card for the stack.
pub struct ForeignWire<T: Transport>(VirtIONet<Ram, T, BUFFERS>);

/// A packet about to go.
pub struct Goes<'a, T: Transport>(&'a mut ForeignWire<T>);

impl<T: Transport> ForeignWire<T> {
    /// Starts the driver.
    pub fn start(device: T) -> Self {
        Self(VirtIONet::new(device, BUFFER_LEN).expect("the driver starts"))
    }
}

impl<T: Transport> Nic for ForeignWire<T> {
    fn mac(&self) -> [u8; 6] {
        self.0.mac_address()
    }

    fn kick(&mut self) {} // the driver has
}

impl<T: Transport> Device for ForeignWire<T> {
    type RxToken<'a>
        = Came
    where
        T: 'a;
    type TxToken<'a>
        = Goes<'a, T>
    where
        T: 'a;

    fn receive(&mut self, _: Instant) -> Option<(Came, Goes<'_, T>)> {
        self.0.ack_interrupt();
        let buffer = self.0.can_recv().then(|| self.0.receive().expect("the driver knows its own buffer"))?;
        let came = Came::copy(buffer.packet());
        self.0.recycle_rx_buffer(buffer).expect("there is room for what was there");
        Some((came, Goes(self)))
    }

    fn transmit(&mut self, _: Instant) -> Option<Goes<'_, T>> {
        self.0.can_send().then_some(Goes(self))
    }

    fn capabilities(&self) -> DeviceCapabilities {
        ethernet()
    }
}

impl<T: Transport> TxToken for Goes<'_, T> {
    fn consume<R, F: FnOnce(&mut [u8]) -> R>(self, len: usize, write: F) -> R {
        let mut buffer = self.0.0.new_tx_buffer(len);
        let result = write(buffer.packet_mut());
        self.0.0.send(buffer).expect("the driver sends");
        result
    }
}

import { $msg, Strophe } from 'epode';
import Chat from './chat.jsx';

// A component of the server's, where there is no window.
export default function Page() {
  const text = $msg({ to: Strophe.getBareJidFromJid('romeo@chat.example/balcony') }).toString();
  return (
    <>
      <pre>{text}</pre>
      <Chat />
    </>
  );
}

// Speaks a text: raw float32 samples on standard output while they are made. Nothing but the standard library.
//
//   speak RUNTIME_LIBRARY BUNDLE_FOLDER VOICE TEXT
use std::ffi::{c_char, c_double, c_int, c_void, CStr, CString};
use std::io::Write;
use std::ptr::{null, null_mut};

const DONE: c_int = 8; // LOQUOR_DONE

#[repr(C)]
struct Request {
    struct_size: usize,
    input_ids: *const i64,
    input_id_count: usize,
    voice: *const c_void,
    options: *const c_void,
    cancel: *mut c_void,
    progress: *const c_void,
    progress_user: *mut c_void,
    text: *const c_char,
}

#[repr(C)]
struct Chunk {
    struct_size: usize,
    samples: *const f32,
    count: usize,
    sample_rate: i32,
    first_token: i64,
    token_count: i64,
}

#[link(name = "loquor")]
extern "C" {
    fn loquor_last_error() -> *const c_char;
    fn loquor_runtime_open(library: *const c_char, out: *mut *mut c_void) -> c_int;
    fn loquor_runtime_close(runtime: *mut c_void);
    fn loquor_engine_open(
        runtime: *mut c_void,
        bundle: *const c_char,
        options: *const c_void,
        out: *mut *mut c_void,
    ) -> c_int;
    fn loquor_engine_close(engine: *mut c_void);
    fn loquor_engine_get_voice(
        engine: *mut c_void,
        name: *const c_char,
        out: *mut *mut c_void,
    ) -> c_int;
    fn loquor_voice_destroy(voice: *mut c_void);
    fn loquor_request_init(request: *mut Request);
    fn loquor_engine_stream_text(
        engine: *mut c_void,
        text: *const c_char,
        text_options: *const c_void,
        request: *const Request,
        options: *const c_void,
        out: *mut *mut c_void,
    ) -> c_int;
    fn loquor_stream_warning(stream: *const c_void, index: usize) -> *const c_char;
    fn loquor_stream_next(stream: *mut c_void, timeout: c_double, chunk: *mut Chunk) -> c_int;
    fn loquor_stream_destroy(stream: *mut c_void);
}

// A handle that is given back at the end of its scope.
struct Handle(*mut c_void, unsafe extern "C" fn(*mut c_void));

impl Drop for Handle {
    fn drop(&mut self) {
        unsafe { (self.1)(self.0) }
    }
}

// The status of a call, and what it says.
struct CallError(c_int, String);

fn text_at(text: *const c_char) -> String {
    unsafe { CStr::from_ptr(text) }.to_string_lossy().into_owned()
}

fn checked(status: c_int) -> Result<(), CallError> {
    match status {
        0 => Ok(()),
        _ => Err(CallError(status, text_at(unsafe { loquor_last_error() }))),
    }
}

// What a call wrote to its last parameter.
fn opened(
    close: unsafe extern "C" fn(*mut c_void),
    call: impl FnOnce(*mut *mut c_void) -> c_int,
) -> Result<Handle, CallError> {
    let mut handle = null_mut();
    checked(call(&mut handle))?;
    Ok(Handle(handle, close))
}

fn speak(arguments: &[CString]) -> Result<(), CallError> {
    let [library, bundle, voice, text] = arguments else {
        return Err(CallError(
            64,
            "usage: speak RUNTIME_LIBRARY BUNDLE_FOLDER VOICE TEXT".into(),
        ));
    };
    let runtime = opened(loquor_runtime_close, |out| unsafe {
        loquor_runtime_open(library.as_ptr(), out)
    })?;
    let engine = opened(loquor_engine_close, |out| unsafe {
        loquor_engine_open(runtime.0, bundle.as_ptr(), null(), out)
    })?;
    let voice = opened(loquor_voice_destroy, |out| unsafe {
        loquor_engine_get_voice(engine.0, voice.as_ptr(), out)
    })?;
    let mut request = unsafe { std::mem::zeroed::<Request>() };
    unsafe { loquor_request_init(&mut request) };
    request.voice = voice.0;
    let stream = opened(loquor_stream_destroy, |out| unsafe {
        loquor_engine_stream_text(engine.0, text.as_ptr(), null(), &request, null(), out)
    })?;
    let warnings = (0..).map(|at| unsafe { loquor_stream_warning(stream.0, at) });
    for warning in warnings.take_while(|warning| !warning.is_null()) {
        eprintln!("speak: warning: {}", text_at(warning));
    }
    let mut chunk = unsafe { std::mem::zeroed::<Chunk>() };
    chunk.struct_size = std::mem::size_of::<Chunk>();
    let mut out = std::io::stdout().lock();
    loop {
        let status = unsafe { loquor_stream_next(stream.0, -1.0, &mut chunk) };
        if status == DONE {
            return Ok(());
        }
        checked(status)?;
        let samples = unsafe { std::slice::from_raw_parts(chunk.samples, chunk.count) };
        let bytes: Vec<u8> = samples.iter().flat_map(|each| each.to_ne_bytes()).collect();
        out.write_all(&bytes)
            .and_then(|()| out.flush())
            .map_err(|error| CallError(74, error.to_string()))?;
    }
}

fn main() {
    let given = std::env::args().skip(1).map(CString::new);
    let arguments: Vec<CString> = given.map(|each| each.expect("arguments end at NUL")).collect();
    if let Err(CallError(status, told)) = speak(&arguments) {
        eprintln!("speak: {told}");
        std::process::exit(status);
    }
}

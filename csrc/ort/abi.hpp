// Written by generate_abi.py from ort_api_slots.tsv and ort_enums.tsv: change those, not this file.
// ONNX Runtime's C ABI, declared by slot; its header is neither included nor needed.
// clang-format off
#pragma once

#include <cstddef>
#include <cstdint>

#ifdef _WIN32
#define ORT_API_CALL __stdcall
#else
#define ORT_API_CALL
#endif

namespace loquor::ort::abi {

#ifdef _WIN32
using ORTCHAR_T = wchar_t;  // a path's character
#else
using ORTCHAR_T = char;  // a path's character
#endif

// The version to ask GetApi for: the oldest whose table has all that is used here.
constexpr uint32_t kMinimumApiVersion = 23;

enum ONNXTensorElementDataType : int {
  ONNX_TENSOR_ELEMENT_DATA_TYPE_UNDEFINED = 0,
  ONNX_TENSOR_ELEMENT_DATA_TYPE_FLOAT = 1,
  ONNX_TENSOR_ELEMENT_DATA_TYPE_UINT8 = 2,
  ONNX_TENSOR_ELEMENT_DATA_TYPE_INT8 = 3,
  ONNX_TENSOR_ELEMENT_DATA_TYPE_UINT16 = 4,
  ONNX_TENSOR_ELEMENT_DATA_TYPE_INT16 = 5,
  ONNX_TENSOR_ELEMENT_DATA_TYPE_INT32 = 6,
  ONNX_TENSOR_ELEMENT_DATA_TYPE_INT64 = 7,
  ONNX_TENSOR_ELEMENT_DATA_TYPE_STRING = 8,
  ONNX_TENSOR_ELEMENT_DATA_TYPE_BOOL = 9,
  ONNX_TENSOR_ELEMENT_DATA_TYPE_FLOAT16 = 10,
  ONNX_TENSOR_ELEMENT_DATA_TYPE_DOUBLE = 11,
  ONNX_TENSOR_ELEMENT_DATA_TYPE_UINT32 = 12,
  ONNX_TENSOR_ELEMENT_DATA_TYPE_UINT64 = 13,
  ONNX_TENSOR_ELEMENT_DATA_TYPE_COMPLEX64 = 14,
  ONNX_TENSOR_ELEMENT_DATA_TYPE_COMPLEX128 = 15,
  ONNX_TENSOR_ELEMENT_DATA_TYPE_BFLOAT16 = 16,
  ONNX_TENSOR_ELEMENT_DATA_TYPE_FLOAT8E4M3FN = 17,
  ONNX_TENSOR_ELEMENT_DATA_TYPE_FLOAT8E4M3FNUZ = 18,
  ONNX_TENSOR_ELEMENT_DATA_TYPE_FLOAT8E5M2 = 19,
  ONNX_TENSOR_ELEMENT_DATA_TYPE_FLOAT8E5M2FNUZ = 20,
  ONNX_TENSOR_ELEMENT_DATA_TYPE_UINT4 = 21,
  ONNX_TENSOR_ELEMENT_DATA_TYPE_INT4 = 22,
  ONNX_TENSOR_ELEMENT_DATA_TYPE_FLOAT4E2M1 = 23,
  ONNX_TENSOR_ELEMENT_DATA_TYPE_UINT2 = 24,
  ONNX_TENSOR_ELEMENT_DATA_TYPE_INT2 = 25,
  ONNX_TENSOR_ELEMENT_DATA_TYPE_FLOAT8E8M0 = 26,
};

enum OrtLoggingLevel : int {
  ORT_LOGGING_LEVEL_VERBOSE = 0,
  ORT_LOGGING_LEVEL_INFO = 1,
  ORT_LOGGING_LEVEL_WARNING = 2,
  ORT_LOGGING_LEVEL_ERROR = 3,
  ORT_LOGGING_LEVEL_FATAL = 4,
};

enum OrtOpAttrType : int {
  ORT_OP_ATTR_UNDEFINED = 0,
  ORT_OP_ATTR_INT = 1,
  ORT_OP_ATTR_INTS = 2,
  ORT_OP_ATTR_FLOAT = 3,
  ORT_OP_ATTR_FLOATS = 4,
  ORT_OP_ATTR_STRING = 5,
  ORT_OP_ATTR_STRINGS = 6,
  ORT_OP_ATTR_GRAPH = 7,
  ORT_OP_ATTR_TENSOR = 8,
};

enum GraphOptimizationLevel : int {
  ORT_DISABLE_ALL = 0,
  ORT_ENABLE_BASIC = 1,
  ORT_ENABLE_EXTENDED = 2,
  ORT_ENABLE_LAYOUT = 3,
  ORT_ENABLE_ALL = 99,
};

enum ExecutionMode : int {
  ORT_SEQUENTIAL = 0,
  ORT_PARALLEL = 1,
};

enum OrtAllocatorType : int {
  OrtInvalidAllocator = -1,
  OrtDeviceAllocator = 0,
  OrtArenaAllocator = 1,
  OrtReadOnlyAllocator = 2,
};

enum OrtMemType : int {
  OrtMemTypeCPUInput = -2,
  OrtMemTypeCPUOutput = -1,
  OrtMemTypeCPU = -1,
  OrtMemTypeDefault = 0,
};

enum OrtDeviceMemoryType : int {
  OrtDeviceMemoryType_DEFAULT = 0,
  OrtDeviceMemoryType_HOST_ACCESSIBLE = 5,
};

enum OrtMemoryInfoDeviceType : int {
  OrtMemoryInfoDeviceType_CPU = 0,
  OrtMemoryInfoDeviceType_GPU = 1,
  OrtMemoryInfoDeviceType_FPGA = 2,
  OrtMemoryInfoDeviceType_NPU = 3,
};

enum OrtHardwareDeviceType : int {
  OrtHardwareDeviceType_CPU = 0,
  OrtHardwareDeviceType_GPU = 1,
  OrtHardwareDeviceType_NPU = 2,
};

enum OrtErrorCode : int {
  ORT_OK = 0,
  ORT_FAIL = 1,
  ORT_INVALID_ARGUMENT = 2,
  ORT_NO_SUCHFILE = 3,
  ORT_NO_MODEL = 4,
  ORT_ENGINE_ERROR = 5,
  ORT_RUNTIME_EXCEPTION = 6,
  ORT_INVALID_PROTOBUF = 7,
  ORT_MODEL_LOADED = 8,
  ORT_NOT_IMPLEMENTED = 9,
  ORT_INVALID_GRAPH = 10,
  ORT_EP_FAIL = 11,
  ORT_MODEL_LOAD_CANCELED = 12,
  ORT_MODEL_REQUIRES_COMPILATION = 13,
  ORT_NOT_FOUND = 14,
  ORT_DEVICE_RESET = 15,
};

struct OrtAllocator;
struct OrtCUDAProviderOptionsV2;
struct OrtCustomOp;
struct OrtCustomOpDomain;
struct OrtEnv;
struct OrtEpAssignedNode;
struct OrtEpAssignedSubgraph;
struct OrtEpDevice;
struct OrtGraph;
struct OrtHardwareDevice;
struct OrtIoBinding;
struct OrtKernelContext;
struct OrtKernelInfo;
struct OrtKeyValuePairs;
struct OrtMemoryInfo;
struct OrtModel;
struct OrtModelEditorApi;
struct OrtNode;
struct OrtOpAttr;
struct OrtPrepackedWeightsContainer;
struct OrtRunOptions;
struct OrtSession;
struct OrtSessionOptions;
struct OrtStatus;
struct OrtSyncStream;
struct OrtTensorRTProviderOptionsV2;
struct OrtTensorTypeAndShapeInfo;
struct OrtTypeInfo;
struct OrtValue;
struct OrtValueInfo;

using OrtLoggingFunction = void(ORT_API_CALL*)(
    void* param, OrtLoggingLevel severity, const char* category, const char* logid,
    const char* code_location, const char* message);

// Ends at the last slot in use; only seen through the library's own pointer: never copy it.
struct OrtApi {
  OrtStatus*(ORT_API_CALL* CreateStatus)(OrtErrorCode code, const char* msg);
  OrtErrorCode(ORT_API_CALL* GetErrorCode)(const OrtStatus* status);
  const char*(ORT_API_CALL* GetErrorMessage)(const OrtStatus* status);
  void* unused_3_3[1];
  OrtStatus*(ORT_API_CALL* CreateEnvWithCustomLogger)(
      OrtLoggingFunction logging_function, void* logger_param, OrtLoggingLevel log_severity_level,
      const char* logid, OrtEnv** out);
  void* unused_5_5[1];
  OrtStatus*(ORT_API_CALL* DisableTelemetryEvents)(const OrtEnv* env);
  OrtStatus*(ORT_API_CALL* CreateSession)(
      const OrtEnv* env, const ORTCHAR_T* model_path, const OrtSessionOptions* options, OrtSession** out);
  OrtStatus*(ORT_API_CALL* CreateSessionFromArray)(
      const OrtEnv* env, const void* model_data, size_t model_data_length, const OrtSessionOptions* options,
      OrtSession** out);
  OrtStatus*(ORT_API_CALL* Run)(
      OrtSession* session, const OrtRunOptions* run_options, const char* const* input_names,
      const OrtValue* const* inputs, size_t input_len, const char* const* output_names,
      size_t output_names_len, OrtValue** outputs);
  OrtStatus*(ORT_API_CALL* CreateSessionOptions)(OrtSessionOptions** options);
  void* unused_11_12[2];
  OrtStatus*(ORT_API_CALL* SetSessionExecutionMode)(OrtSessionOptions* options, ExecutionMode execution_mode);
  void* unused_14_22[9];
  OrtStatus*(ORT_API_CALL* SetSessionGraphOptimizationLevel)(
      OrtSessionOptions* options, GraphOptimizationLevel graph_optimization_level);
  OrtStatus*(ORT_API_CALL* SetIntraOpNumThreads)(OrtSessionOptions* options, int intra_op_num_threads);
  OrtStatus*(ORT_API_CALL* SetInterOpNumThreads)(OrtSessionOptions* options, int inter_op_num_threads);
  OrtStatus*(ORT_API_CALL* CreateCustomOpDomain)(const char* domain, OrtCustomOpDomain** out);
  OrtStatus*(ORT_API_CALL* CustomOpDomain_Add)(OrtCustomOpDomain* custom_op_domain, const OrtCustomOp* op);
  OrtStatus*(ORT_API_CALL* AddCustomOpDomain)(
      OrtSessionOptions* options, OrtCustomOpDomain* custom_op_domain);
  void* unused_29_29[1];
  OrtStatus*(ORT_API_CALL* SessionGetInputCount)(const OrtSession* session, size_t* out);
  OrtStatus*(ORT_API_CALL* SessionGetOutputCount)(const OrtSession* session, size_t* out);
  void* unused_32_32[1];
  OrtStatus*(ORT_API_CALL* SessionGetInputTypeInfo)(
      const OrtSession* session, size_t index, OrtTypeInfo** type_info);
  OrtStatus*(ORT_API_CALL* SessionGetOutputTypeInfo)(
      const OrtSession* session, size_t index, OrtTypeInfo** type_info);
  void* unused_35_35[1];
  OrtStatus*(ORT_API_CALL* SessionGetInputName)(
      const OrtSession* session, size_t index, OrtAllocator* allocator, char** value);
  OrtStatus*(ORT_API_CALL* SessionGetOutputName)(
      const OrtSession* session, size_t index, OrtAllocator* allocator, char** value);
  void* unused_38_38[1];
  OrtStatus*(ORT_API_CALL* CreateRunOptions)(OrtRunOptions** out);
  void* unused_40_45[6];
  OrtStatus*(ORT_API_CALL* RunOptionsSetTerminate)(OrtRunOptions* options);
  void* unused_47_47[1];
  OrtStatus*(ORT_API_CALL* CreateTensorAsOrtValue)(
      OrtAllocator* allocator, const int64_t* shape, size_t shape_len, ONNXTensorElementDataType type,
      OrtValue** out);
  OrtStatus*(ORT_API_CALL* CreateTensorWithDataAsOrtValue)(
      const OrtMemoryInfo* info, void* p_data, size_t p_data_len, const int64_t* shape, size_t shape_len,
      ONNXTensorElementDataType type, OrtValue** out);
  void* unused_50_50[1];
  OrtStatus*(ORT_API_CALL* GetTensorMutableData)(OrtValue* value, void** out);
  void* unused_52_54[3];
  OrtStatus*(ORT_API_CALL* CastTypeInfoToTensorInfo)(
      const OrtTypeInfo* type_info, const OrtTensorTypeAndShapeInfo** out);
  void* unused_56_56[1];
  OrtStatus*(ORT_API_CALL* CreateTensorTypeAndShapeInfo)(OrtTensorTypeAndShapeInfo** out);
  OrtStatus*(ORT_API_CALL* SetTensorElementType)(
      OrtTensorTypeAndShapeInfo* info, ONNXTensorElementDataType type);
  OrtStatus*(ORT_API_CALL* SetDimensions)(
      OrtTensorTypeAndShapeInfo* info, const int64_t* dim_values, size_t dim_count);
  OrtStatus*(ORT_API_CALL* GetTensorElementType)(
      const OrtTensorTypeAndShapeInfo* info, ONNXTensorElementDataType* out);
  OrtStatus*(ORT_API_CALL* GetDimensionsCount)(const OrtTensorTypeAndShapeInfo* info, size_t* out);
  OrtStatus*(ORT_API_CALL* GetDimensions)(
      const OrtTensorTypeAndShapeInfo* info, int64_t* dim_values, size_t dim_values_length);
  OrtStatus*(ORT_API_CALL* GetSymbolicDimensions)(
      const OrtTensorTypeAndShapeInfo* info, const char* dim_params[], size_t dim_params_length);
  void* unused_64_64[1];
  OrtStatus*(ORT_API_CALL* GetTensorTypeAndShape)(const OrtValue* value, OrtTensorTypeAndShapeInfo** out);
  void* unused_66_67[2];
  OrtStatus*(ORT_API_CALL* CreateMemoryInfo)(
      const char* name, OrtAllocatorType type, int id, OrtMemType mem_type, OrtMemoryInfo** out);
  OrtStatus*(ORT_API_CALL* CreateCpuMemoryInfo)(
      OrtAllocatorType type, OrtMemType mem_type, OrtMemoryInfo** out);
  void* unused_70_74[5];
  OrtStatus*(ORT_API_CALL* AllocatorAlloc)(OrtAllocator* ort_allocator, size_t size, void** out);
  OrtStatus*(ORT_API_CALL* AllocatorFree)(OrtAllocator* ort_allocator, void* p);
  void* unused_77_77[1];
  OrtStatus*(ORT_API_CALL* GetAllocatorWithDefaultOptions)(OrtAllocator** out);
  void* unused_79_84[6];
  OrtStatus*(ORT_API_CALL* KernelInfoGetAttribute_float)(
      const OrtKernelInfo* info, const char* name, float* out);
  OrtStatus*(ORT_API_CALL* KernelInfoGetAttribute_int64)(
      const OrtKernelInfo* info, const char* name, int64_t* out);
  void* unused_87_89[3];
  OrtStatus*(ORT_API_CALL* KernelContext_GetInput)(
      const OrtKernelContext* context, size_t index, const OrtValue** out);
  OrtStatus*(ORT_API_CALL* KernelContext_GetOutput)(
      OrtKernelContext* context, size_t index, const int64_t* dim_values, size_t dim_count, OrtValue** out);
  void(ORT_API_CALL* ReleaseEnv)(OrtEnv* input);
  void(ORT_API_CALL* ReleaseStatus)(OrtStatus* input);
  void(ORT_API_CALL* ReleaseMemoryInfo)(OrtMemoryInfo* input);
  void(ORT_API_CALL* ReleaseSession)(OrtSession* input);
  void(ORT_API_CALL* ReleaseValue)(OrtValue* input);
  void(ORT_API_CALL* ReleaseRunOptions)(OrtRunOptions* input);
  void(ORT_API_CALL* ReleaseTypeInfo)(OrtTypeInfo* input);
  void(ORT_API_CALL* ReleaseTensorTypeAndShapeInfo)(OrtTensorTypeAndShapeInfo* input);
  void(ORT_API_CALL* ReleaseSessionOptions)(OrtSessionOptions* input);
  void(ORT_API_CALL* ReleaseCustomOpDomain)(OrtCustomOpDomain* input);
  void* unused_102_124[23];
  OrtStatus*(ORT_API_CALL* GetAvailableProviders)(char*** out_ptr, int* provider_length);
  OrtStatus*(ORT_API_CALL* ReleaseAvailableProviders)(char** ptr, int providers_length);
  void* unused_127_129[3];
  OrtStatus*(ORT_API_CALL* AddSessionConfigEntry)(
      OrtSessionOptions* options, const char* config_key, const char* config_value);
  OrtStatus*(ORT_API_CALL* CreateAllocator)(
      const OrtSession* session, const OrtMemoryInfo* mem_info, OrtAllocator** out);
  void(ORT_API_CALL* ReleaseAllocator)(OrtAllocator* input);
  OrtStatus*(ORT_API_CALL* RunWithBinding)(
      OrtSession* session, const OrtRunOptions* run_options, const OrtIoBinding* binding_ptr);
  OrtStatus*(ORT_API_CALL* CreateIoBinding)(OrtSession* session, OrtIoBinding** out);
  void(ORT_API_CALL* ReleaseIoBinding)(OrtIoBinding* input);
  OrtStatus*(ORT_API_CALL* BindInput)(OrtIoBinding* binding_ptr, const char* name, const OrtValue* val_ptr);
  OrtStatus*(ORT_API_CALL* BindOutput)(OrtIoBinding* binding_ptr, const char* name, const OrtValue* val_ptr);
  OrtStatus*(ORT_API_CALL* BindOutputToDevice)(
      OrtIoBinding* binding_ptr, const char* name, const OrtMemoryInfo* mem_info_ptr);
  void* unused_139_139[1];
  OrtStatus*(ORT_API_CALL* GetBoundOutputValues)(
      const OrtIoBinding* binding_ptr, OrtAllocator* allocator, OrtValue*** output, size_t* output_count);
  void* unused_141_164[24];
  OrtStatus*(ORT_API_CALL* AddRunConfigEntry)(
      OrtRunOptions* options, const char* config_key, const char* config_value);
  void* unused_166_169[4];
  OrtStatus*(ORT_API_CALL* SessionOptionsAppendExecutionProvider_TensorRT_V2)(
      OrtSessionOptions* options, const OrtTensorRTProviderOptionsV2* tensorrt_options);
  OrtStatus*(ORT_API_CALL* CreateTensorRTProviderOptions)(OrtTensorRTProviderOptionsV2** out);
  OrtStatus*(ORT_API_CALL* UpdateTensorRTProviderOptions)(
      OrtTensorRTProviderOptionsV2* tensorrt_options, const char* const* provider_options_keys,
      const char* const* provider_options_values, size_t num_keys);
  void* unused_173_173[1];
  void(ORT_API_CALL* ReleaseTensorRTProviderOptions)(OrtTensorRTProviderOptionsV2* input);
  void* unused_175_193[19];
  OrtStatus*(ORT_API_CALL* GetTensorMemoryInfo)(const OrtValue* value, const OrtMemoryInfo** mem_info);
  void* unused_195_203[9];
  OrtStatus*(ORT_API_CALL* SessionOptionsAppendExecutionProvider_CUDA_V2)(
      OrtSessionOptions* options, const OrtCUDAProviderOptionsV2* cuda_options);
  OrtStatus*(ORT_API_CALL* CreateCUDAProviderOptions)(OrtCUDAProviderOptionsV2** out);
  OrtStatus*(ORT_API_CALL* UpdateCUDAProviderOptions)(
      OrtCUDAProviderOptionsV2* cuda_options, const char* const* provider_options_keys,
      const char* const* provider_options_values, size_t num_keys);
  void* unused_207_207[1];
  void(ORT_API_CALL* ReleaseCUDAProviderOptions)(OrtCUDAProviderOptionsV2* input);
  void* unused_209_210[2];
  OrtStatus*(ORT_API_CALL* CreateOpAttr)(
      const char* name, const void* data, int len, OrtOpAttrType type, OrtOpAttr** op_attr);
  void(ORT_API_CALL* ReleaseOpAttr)(OrtOpAttr* input);
  void* unused_213_215[3];
  OrtStatus*(ORT_API_CALL* SessionOptionsAppendExecutionProvider)(
      OrtSessionOptions* options, const char* provider_name, const char* const* provider_options_keys,
      const char* const* provider_options_values, size_t num_keys);
  void* unused_217_224[8];
  void(ORT_API_CALL* MemoryInfoGetDeviceType)(const OrtMemoryInfo* ptr, OrtMemoryInfoDeviceType* out);
  void* unused_226_252[27];
  OrtStatus*(ORT_API_CALL* KernelContext_GetAllocator)(
      const OrtKernelContext* context, const OrtMemoryInfo* mem_info, OrtAllocator** out);
  void* unused_254_273[20];
  OrtStatus*(ORT_API_CALL* KernelContext_ParallelFor)(
      const OrtKernelContext* context, void (*fn)(void*, size_t), size_t total, size_t num_batch,
      void* usr_data);
  void* unused_275_284[10];
  void(ORT_API_CALL* ReleaseValueInfo)(OrtValueInfo* input);
  void(ORT_API_CALL* ReleaseNode)(OrtNode* input);
  void(ORT_API_CALL* ReleaseGraph)(OrtGraph* input);
  void(ORT_API_CALL* ReleaseModel)(OrtModel* input);
  void* unused_289_290[2];
  const OrtModelEditorApi*(ORT_API_CALL* GetModelEditorApi)();
  void* unused_292_296[5];
  const char*(ORT_API_CALL* GetKeyValue)(const OrtKeyValuePairs* kvps, const char* key);
  void* unused_298_299[2];
  void(ORT_API_CALL* ReleaseKeyValuePairs)(OrtKeyValuePairs* input);
  OrtStatus*(ORT_API_CALL* RegisterExecutionProviderLibrary)(
      OrtEnv* env, const char* registration_name, const ORTCHAR_T* path);
  void* unused_302_302[1];
  OrtStatus*(ORT_API_CALL* GetEpDevices)(
      const OrtEnv* env, const OrtEpDevice* const** ep_devices, size_t* num_ep_devices);
  OrtStatus*(ORT_API_CALL* SessionOptionsAppendExecutionProvider_V2)(
      OrtSessionOptions* session_options, OrtEnv* env, const OrtEpDevice* const* ep_devices,
      size_t num_ep_devices, const char* const* ep_option_keys, const char* const* ep_option_vals,
      size_t num_ep_options);
  void* unused_305_306[2];
  OrtHardwareDeviceType(ORT_API_CALL* HardwareDevice_Type)(const OrtHardwareDevice* device);
  void* unused_308_311[4];
  const char*(ORT_API_CALL* EpDevice_EpName)(const OrtEpDevice* ep_device);
  void* unused_313_315[3];
  const OrtHardwareDevice*(ORT_API_CALL* EpDevice_Device)(const OrtEpDevice* ep_device);
  void* unused_317_317[1];
  OrtStatus*(ORT_API_CALL* GetTensorSizeInBytes)(const OrtValue* ort_value, size_t* size);
  OrtStatus*(ORT_API_CALL* AllocatorGetStats)(const OrtAllocator* ort_allocator, OrtKeyValuePairs** out);
  void* unused_320_373[54];
  const OrtMemoryInfo*(ORT_API_CALL* EpDevice_MemoryInfo)(
      const OrtEpDevice* ep_device, OrtDeviceMemoryType memory_type);
  void* unused_375_379[5];
  OrtStatus*(ORT_API_CALL* SessionGetMemoryInfoForInputs)(
      const OrtSession* session, const OrtMemoryInfo** inputs_memory_info, size_t num_inputs);
  OrtStatus*(ORT_API_CALL* SessionGetMemoryInfoForOutputs)(
      const OrtSession* session, const OrtMemoryInfo** outputs_memory_info, size_t num_outputs);
  void* unused_382_385[4];
  OrtStatus*(ORT_API_CALL* CopyTensors)(
      const OrtEnv* env, const OrtValue* const* src_tensors, OrtValue* const* dst_tensors,
      OrtSyncStream* stream, size_t num_tensors);
  void* unused_387_406[20];
  OrtStatus*(ORT_API_CALL* Session_GetEpGraphAssignmentInfo)(
      const OrtSession* session, const OrtEpAssignedSubgraph* const** ep_subgraphs, size_t* num_ep_subgraphs);
  OrtStatus*(ORT_API_CALL* EpAssignedSubgraph_GetEpName)(
      const OrtEpAssignedSubgraph* ep_subgraph, const char** out);
  OrtStatus*(ORT_API_CALL* EpAssignedSubgraph_GetNodes)(
      const OrtEpAssignedSubgraph* ep_subgraph, const OrtEpAssignedNode* const** ep_nodes,
      size_t* num_ep_nodes);
  OrtStatus*(ORT_API_CALL* EpAssignedNode_GetName)(const OrtEpAssignedNode* ep_node, const char** out);
  void* unused_411_411[1];
  OrtStatus*(ORT_API_CALL* EpAssignedNode_GetOperatorType)(
      const OrtEpAssignedNode* ep_node, const char** out);
};

struct OrtModelEditorApi {
  OrtStatus*(ORT_API_CALL* CreateTensorTypeInfo)(
      const OrtTensorTypeAndShapeInfo* tensor_info, OrtTypeInfo** type_info);
  void* unused_1_4[4];
  OrtStatus*(ORT_API_CALL* CreateValueInfo)(
      const char* name, const OrtTypeInfo* type_info, OrtValueInfo** value_info);
  OrtStatus*(ORT_API_CALL* CreateNode)(
      const char* operator_name, const char* domain_name, const char* node_name,
      const char* const* input_names, size_t input_names_len, const char* const* output_names,
      size_t output_names_len, OrtOpAttr** attributes, size_t attribs_len, OrtNode** node);
  OrtStatus*(ORT_API_CALL* CreateGraph)(OrtGraph** graph);
  OrtStatus*(ORT_API_CALL* SetGraphInputs)(OrtGraph* graph, OrtValueInfo** inputs, size_t inputs_len);
  OrtStatus*(ORT_API_CALL* SetGraphOutputs)(OrtGraph* graph, OrtValueInfo** outputs, size_t outputs_len);
  OrtStatus*(ORT_API_CALL* AddInitializerToGraph)(
      OrtGraph* graph, const char* name, OrtValue* tensor, bool data_is_external);
  OrtStatus*(ORT_API_CALL* AddNodeToGraph)(OrtGraph* graph, OrtNode* node);
  OrtStatus*(ORT_API_CALL* CreateModel)(
      const char* const* domain_names, const int* opset_versions, size_t opset_entries_len, OrtModel** model);
  OrtStatus*(ORT_API_CALL* AddGraphToModel)(OrtModel* model, OrtGraph* graph);
  void* unused_14_14[1];
  OrtStatus*(ORT_API_CALL* CreateModelEditorSession)(
      const OrtEnv* env, const ORTCHAR_T* model_path, const OrtSessionOptions* options, OrtSession** out);
  OrtStatus*(ORT_API_CALL* CreateModelEditorSessionFromArray)(
      const OrtEnv* env, const void* model_data, size_t model_data_length, const OrtSessionOptions* options,
      OrtSession** out);
  OrtStatus*(ORT_API_CALL* SessionGetOpsetForDomain)(
      const OrtSession* session, const char* domain, int* opset);
  OrtStatus*(ORT_API_CALL* ApplyModelToModelEditorSession)(OrtSession* session, OrtModel* model);
  OrtStatus*(ORT_API_CALL* FinalizeModelEditorSession)(
      OrtSession* session, const OrtSessionOptions* options,
      OrtPrepackedWeightsContainer* prepacked_weights_container);
};

struct OrtApiBase {
  const OrtApi*(ORT_API_CALL* GetApi)(uint32_t version);
  const char*(ORT_API_CALL* GetVersionString)();
};

// The one symbol the library exports for us.
constexpr const char* kGetApiBaseSymbol = "OrtGetApiBase";
using OrtGetApiBaseFunction = const OrtApiBase*(ORT_API_CALL*)();

static_assert(offsetof(OrtApiBase, GetApi) == 0 * sizeof(void*));
static_assert(offsetof(OrtApiBase, GetVersionString) == 1 * sizeof(void*));
static_assert(offsetof(OrtApi, CreateStatus) == 0 * sizeof(void*));
static_assert(offsetof(OrtApi, GetErrorCode) == 1 * sizeof(void*));
static_assert(offsetof(OrtApi, GetErrorMessage) == 2 * sizeof(void*));
static_assert(offsetof(OrtApi, CreateEnvWithCustomLogger) == 4 * sizeof(void*));
static_assert(offsetof(OrtApi, DisableTelemetryEvents) == 6 * sizeof(void*));
static_assert(offsetof(OrtApi, CreateSession) == 7 * sizeof(void*));
static_assert(offsetof(OrtApi, CreateSessionFromArray) == 8 * sizeof(void*));
static_assert(offsetof(OrtApi, Run) == 9 * sizeof(void*));
static_assert(offsetof(OrtApi, CreateSessionOptions) == 10 * sizeof(void*));
static_assert(offsetof(OrtApi, SetSessionExecutionMode) == 13 * sizeof(void*));
static_assert(offsetof(OrtApi, SetSessionGraphOptimizationLevel) == 23 * sizeof(void*));
static_assert(offsetof(OrtApi, SetIntraOpNumThreads) == 24 * sizeof(void*));
static_assert(offsetof(OrtApi, SetInterOpNumThreads) == 25 * sizeof(void*));
static_assert(offsetof(OrtApi, CreateCustomOpDomain) == 26 * sizeof(void*));
static_assert(offsetof(OrtApi, CustomOpDomain_Add) == 27 * sizeof(void*));
static_assert(offsetof(OrtApi, AddCustomOpDomain) == 28 * sizeof(void*));
static_assert(offsetof(OrtApi, SessionGetInputCount) == 30 * sizeof(void*));
static_assert(offsetof(OrtApi, SessionGetOutputCount) == 31 * sizeof(void*));
static_assert(offsetof(OrtApi, SessionGetInputTypeInfo) == 33 * sizeof(void*));
static_assert(offsetof(OrtApi, SessionGetOutputTypeInfo) == 34 * sizeof(void*));
static_assert(offsetof(OrtApi, SessionGetInputName) == 36 * sizeof(void*));
static_assert(offsetof(OrtApi, SessionGetOutputName) == 37 * sizeof(void*));
static_assert(offsetof(OrtApi, CreateRunOptions) == 39 * sizeof(void*));
static_assert(offsetof(OrtApi, RunOptionsSetTerminate) == 46 * sizeof(void*));
static_assert(offsetof(OrtApi, CreateTensorAsOrtValue) == 48 * sizeof(void*));
static_assert(offsetof(OrtApi, CreateTensorWithDataAsOrtValue) == 49 * sizeof(void*));
static_assert(offsetof(OrtApi, GetTensorMutableData) == 51 * sizeof(void*));
static_assert(offsetof(OrtApi, CastTypeInfoToTensorInfo) == 55 * sizeof(void*));
static_assert(offsetof(OrtApi, CreateTensorTypeAndShapeInfo) == 57 * sizeof(void*));
static_assert(offsetof(OrtApi, SetTensorElementType) == 58 * sizeof(void*));
static_assert(offsetof(OrtApi, SetDimensions) == 59 * sizeof(void*));
static_assert(offsetof(OrtApi, GetTensorElementType) == 60 * sizeof(void*));
static_assert(offsetof(OrtApi, GetDimensionsCount) == 61 * sizeof(void*));
static_assert(offsetof(OrtApi, GetDimensions) == 62 * sizeof(void*));
static_assert(offsetof(OrtApi, GetSymbolicDimensions) == 63 * sizeof(void*));
static_assert(offsetof(OrtApi, GetTensorTypeAndShape) == 65 * sizeof(void*));
static_assert(offsetof(OrtApi, CreateMemoryInfo) == 68 * sizeof(void*));
static_assert(offsetof(OrtApi, CreateCpuMemoryInfo) == 69 * sizeof(void*));
static_assert(offsetof(OrtApi, AllocatorAlloc) == 75 * sizeof(void*));
static_assert(offsetof(OrtApi, AllocatorFree) == 76 * sizeof(void*));
static_assert(offsetof(OrtApi, GetAllocatorWithDefaultOptions) == 78 * sizeof(void*));
static_assert(offsetof(OrtApi, KernelInfoGetAttribute_float) == 85 * sizeof(void*));
static_assert(offsetof(OrtApi, KernelInfoGetAttribute_int64) == 86 * sizeof(void*));
static_assert(offsetof(OrtApi, KernelContext_GetInput) == 90 * sizeof(void*));
static_assert(offsetof(OrtApi, KernelContext_GetOutput) == 91 * sizeof(void*));
static_assert(offsetof(OrtApi, ReleaseEnv) == 92 * sizeof(void*));
static_assert(offsetof(OrtApi, ReleaseStatus) == 93 * sizeof(void*));
static_assert(offsetof(OrtApi, ReleaseMemoryInfo) == 94 * sizeof(void*));
static_assert(offsetof(OrtApi, ReleaseSession) == 95 * sizeof(void*));
static_assert(offsetof(OrtApi, ReleaseValue) == 96 * sizeof(void*));
static_assert(offsetof(OrtApi, ReleaseRunOptions) == 97 * sizeof(void*));
static_assert(offsetof(OrtApi, ReleaseTypeInfo) == 98 * sizeof(void*));
static_assert(offsetof(OrtApi, ReleaseTensorTypeAndShapeInfo) == 99 * sizeof(void*));
static_assert(offsetof(OrtApi, ReleaseSessionOptions) == 100 * sizeof(void*));
static_assert(offsetof(OrtApi, ReleaseCustomOpDomain) == 101 * sizeof(void*));
static_assert(offsetof(OrtApi, GetAvailableProviders) == 125 * sizeof(void*));
static_assert(offsetof(OrtApi, ReleaseAvailableProviders) == 126 * sizeof(void*));
static_assert(offsetof(OrtApi, AddSessionConfigEntry) == 130 * sizeof(void*));
static_assert(offsetof(OrtApi, CreateAllocator) == 131 * sizeof(void*));
static_assert(offsetof(OrtApi, ReleaseAllocator) == 132 * sizeof(void*));
static_assert(offsetof(OrtApi, RunWithBinding) == 133 * sizeof(void*));
static_assert(offsetof(OrtApi, CreateIoBinding) == 134 * sizeof(void*));
static_assert(offsetof(OrtApi, ReleaseIoBinding) == 135 * sizeof(void*));
static_assert(offsetof(OrtApi, BindInput) == 136 * sizeof(void*));
static_assert(offsetof(OrtApi, BindOutput) == 137 * sizeof(void*));
static_assert(offsetof(OrtApi, BindOutputToDevice) == 138 * sizeof(void*));
static_assert(offsetof(OrtApi, GetBoundOutputValues) == 140 * sizeof(void*));
static_assert(offsetof(OrtApi, AddRunConfigEntry) == 165 * sizeof(void*));
static_assert(offsetof(OrtApi, SessionOptionsAppendExecutionProvider_TensorRT_V2) == 170 * sizeof(void*));
static_assert(offsetof(OrtApi, CreateTensorRTProviderOptions) == 171 * sizeof(void*));
static_assert(offsetof(OrtApi, UpdateTensorRTProviderOptions) == 172 * sizeof(void*));
static_assert(offsetof(OrtApi, ReleaseTensorRTProviderOptions) == 174 * sizeof(void*));
static_assert(offsetof(OrtApi, GetTensorMemoryInfo) == 194 * sizeof(void*));
static_assert(offsetof(OrtApi, SessionOptionsAppendExecutionProvider_CUDA_V2) == 204 * sizeof(void*));
static_assert(offsetof(OrtApi, CreateCUDAProviderOptions) == 205 * sizeof(void*));
static_assert(offsetof(OrtApi, UpdateCUDAProviderOptions) == 206 * sizeof(void*));
static_assert(offsetof(OrtApi, ReleaseCUDAProviderOptions) == 208 * sizeof(void*));
static_assert(offsetof(OrtApi, CreateOpAttr) == 211 * sizeof(void*));
static_assert(offsetof(OrtApi, ReleaseOpAttr) == 212 * sizeof(void*));
static_assert(offsetof(OrtApi, SessionOptionsAppendExecutionProvider) == 216 * sizeof(void*));
static_assert(offsetof(OrtApi, MemoryInfoGetDeviceType) == 225 * sizeof(void*));
static_assert(offsetof(OrtApi, KernelContext_GetAllocator) == 253 * sizeof(void*));
static_assert(offsetof(OrtApi, KernelContext_ParallelFor) == 274 * sizeof(void*));
static_assert(offsetof(OrtApi, ReleaseValueInfo) == 285 * sizeof(void*));
static_assert(offsetof(OrtApi, ReleaseNode) == 286 * sizeof(void*));
static_assert(offsetof(OrtApi, ReleaseGraph) == 287 * sizeof(void*));
static_assert(offsetof(OrtApi, ReleaseModel) == 288 * sizeof(void*));
static_assert(offsetof(OrtApi, GetModelEditorApi) == 291 * sizeof(void*));
static_assert(offsetof(OrtApi, GetKeyValue) == 297 * sizeof(void*));
static_assert(offsetof(OrtApi, ReleaseKeyValuePairs) == 300 * sizeof(void*));
static_assert(offsetof(OrtApi, RegisterExecutionProviderLibrary) == 301 * sizeof(void*));
static_assert(offsetof(OrtApi, GetEpDevices) == 303 * sizeof(void*));
static_assert(offsetof(OrtApi, SessionOptionsAppendExecutionProvider_V2) == 304 * sizeof(void*));
static_assert(offsetof(OrtApi, HardwareDevice_Type) == 307 * sizeof(void*));
static_assert(offsetof(OrtApi, EpDevice_EpName) == 312 * sizeof(void*));
static_assert(offsetof(OrtApi, EpDevice_Device) == 316 * sizeof(void*));
static_assert(offsetof(OrtApi, GetTensorSizeInBytes) == 318 * sizeof(void*));
static_assert(offsetof(OrtApi, AllocatorGetStats) == 319 * sizeof(void*));
static_assert(offsetof(OrtApi, EpDevice_MemoryInfo) == 374 * sizeof(void*));
static_assert(offsetof(OrtApi, SessionGetMemoryInfoForInputs) == 380 * sizeof(void*));
static_assert(offsetof(OrtApi, SessionGetMemoryInfoForOutputs) == 381 * sizeof(void*));
static_assert(offsetof(OrtApi, CopyTensors) == 386 * sizeof(void*));
static_assert(offsetof(OrtApi, Session_GetEpGraphAssignmentInfo) == 407 * sizeof(void*));
static_assert(offsetof(OrtApi, EpAssignedSubgraph_GetEpName) == 408 * sizeof(void*));
static_assert(offsetof(OrtApi, EpAssignedSubgraph_GetNodes) == 409 * sizeof(void*));
static_assert(offsetof(OrtApi, EpAssignedNode_GetName) == 410 * sizeof(void*));
static_assert(offsetof(OrtApi, EpAssignedNode_GetOperatorType) == 412 * sizeof(void*));
static_assert(offsetof(OrtModelEditorApi, CreateTensorTypeInfo) == 0 * sizeof(void*));
static_assert(offsetof(OrtModelEditorApi, CreateValueInfo) == 5 * sizeof(void*));
static_assert(offsetof(OrtModelEditorApi, CreateNode) == 6 * sizeof(void*));
static_assert(offsetof(OrtModelEditorApi, CreateGraph) == 7 * sizeof(void*));
static_assert(offsetof(OrtModelEditorApi, SetGraphInputs) == 8 * sizeof(void*));
static_assert(offsetof(OrtModelEditorApi, SetGraphOutputs) == 9 * sizeof(void*));
static_assert(offsetof(OrtModelEditorApi, AddInitializerToGraph) == 10 * sizeof(void*));
static_assert(offsetof(OrtModelEditorApi, AddNodeToGraph) == 11 * sizeof(void*));
static_assert(offsetof(OrtModelEditorApi, CreateModel) == 12 * sizeof(void*));
static_assert(offsetof(OrtModelEditorApi, AddGraphToModel) == 13 * sizeof(void*));
static_assert(offsetof(OrtModelEditorApi, CreateModelEditorSession) == 15 * sizeof(void*));
static_assert(offsetof(OrtModelEditorApi, CreateModelEditorSessionFromArray) == 16 * sizeof(void*));
static_assert(offsetof(OrtModelEditorApi, SessionGetOpsetForDomain) == 17 * sizeof(void*));
static_assert(offsetof(OrtModelEditorApi, ApplyModelToModelEditorSession) == 18 * sizeof(void*));
static_assert(offsetof(OrtModelEditorApi, FinalizeModelEditorSession) == 19 * sizeof(void*));

}  // namespace loquor::ort::abi
